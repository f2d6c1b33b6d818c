"""The question of an IVR script before a transfer: does that endpoint answer? Answered at once, with its age."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from twisted.internet.defer import Deferred

from agentchan.api.operator import Soon
from agentchan.api.refusals import Refused
from agentchan.operations.base import Base, Json
from agentchan.sip.errors import UnusableUri


class Questions(Base):
    """What is known of endpoints."""

    def endpoint_available(self, uri: str) -> Soon[Json]:
        """The EndpointAvailable node; only the first question about an endpoint waits, for one probe."""
        try:
            answer = self._daemon.endpoints.ask(uri)
        except UnusableUri as fault:
            raise Refused("invalid-uri", str(fault), HTTPStatus.BAD_REQUEST) from None
        if isinstance(answer, Deferred):
            return answer.addCallback(lambda found: found.as_json())
        return answer.as_json()

    def endpoints(self) -> Iterable[Json]:
        """The watched endpoints."""
        return (row.as_json() for row in self._daemon.endpoints.rows())
