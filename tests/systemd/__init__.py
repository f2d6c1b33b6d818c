"""The service in a real systemd, booted over a throw-away copy of this machine."""
