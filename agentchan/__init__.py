"""Keeps an IVR's agent channel to the active Contact Expert host."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    """``__version__``, looked up when it is asked for: the look-up costs the command line more than all else."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415  see above

        return version("agentchan")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
