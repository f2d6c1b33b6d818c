"""``agentchan support-bundle``: what a colleague needs to help, in one file, without secrets and people's numbers."""
