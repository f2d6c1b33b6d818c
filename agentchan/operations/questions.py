"""The two questions of an IVR script before a transfer: is CE failing over, does that endpoint answer."""

from __future__ import annotations

from collections.abc import Iterable

from agentchan.operations.base import Base, Json


class Questions(Base):
    """Answered at once, with the age of the answer."""

    def endpoint_available(self, uri: str) -> Json:
        """The EndpointAvailable node."""
        raise NotImplementedError

    def endpoints(self) -> Iterable[Json]:
        """The watched endpoints."""
        raise NotImplementedError
