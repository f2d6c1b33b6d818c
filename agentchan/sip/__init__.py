"""Asks SIP endpoints whether they answer: OPTIONS over UDP, TCP and TLS (RFC 3261, 11)."""
