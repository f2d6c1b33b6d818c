"""Makes ``twistd agentchan`` known; the service itself is made by ``agentchan.service_maker``."""

from __future__ import annotations

from twisted.application.service import ServiceMaker

agentchan = ServiceMaker(
    "agentchan",
    "agentchan.service_maker",
    "Keeps an IVR's agent channel to the active Contact Expert host.",
    "agentchan",
)
