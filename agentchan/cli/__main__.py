"""``python -m agentchan.cli`` is ``agentchan``."""

from __future__ import annotations

from agentchan.cli import main

main()
