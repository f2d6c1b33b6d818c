"""Keeps an IVR's agent channel to the active Contact Expert host."""

from importlib.metadata import version

__version__ = version("agentchan")
