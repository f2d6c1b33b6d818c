"""Talking to Contact Expert: profiles, SOAP, the component link and the agent channel."""
