"""The call-signal service: accepting, delivering, repairing."""
