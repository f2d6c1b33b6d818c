"""A harmless question to an IVR Connector, where the profile has no heartbeat (profile.md, Rules).

It has a connection of its own: what the profile does not map must not disturb the agent channel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from agentchan.ce.component_link import Dialing
from agentchan.ce.connection import Connection
from agentchan.ce.deadline import within
from agentchan.ce.dialer import DialFailed
from agentchan.ce.service_url import ServiceUrl
from agentchan.core.session_values import Dial


class ProbeOverdue(Exception):  # noqa: N818 - it names an outcome, not a bug
    """Neither an answer nor a no has come: the host may be slow, frozen, or cut off."""


class Probe:
    """One question.

    Attributes:
        outcome: fires with None when the connector has answered; fails with DialFailed or ExchangeFailed when it, or
            the network, has said no, with ProbeOverdue when nothing has come.

    Args:
        kind: ``tcp``: being connected, TLS included, is the answer; ``wsdl``: an HTTP answer, whatever its status, to
            a GET of ``?wsdl``.
        dial: how the agent channel was dialled; the whole probe may take as long as that attempt.
        on_bytes: called for all that the connector sends.
    """

    def __init__(
        self,
        reactor: Any,
        dialer: Dialing,
        kind: str,
        dial: Dial,
        *,
        user_timeout: float,
        on_bytes: Callable[[], None],
    ) -> None:
        self._connection: Connection | None = None
        self.outcome = within(
            reactor,
            dial.connect_timeout + dial.tls_timeout,
            Deferred.fromCoroutine(self._ask(dialer, kind, dial, user_timeout, on_bytes)),
            ProbeOverdue,
        )

    def end(self) -> None:
        """Leave nothing open, whatever has come of it."""
        self.outcome.cancel()
        if self._connection is not None:
            self._connection.abort("probe given up")

    async def _ask(
        self, dialer: Dialing, kind: str, dial: Dial, user_timeout: float, on_bytes: Callable[[], None]
    ) -> None:
        url = ServiceUrl.parse(dial.url).wsdl.text if kind == "wsdl" else dial.url
        try:
            connection = self._connection = await dialer.dial(
                url,
                connect_timeout=dial.connect_timeout,
                tls_timeout=dial.tls_timeout,
                user_timeout=user_timeout,
                on_bytes=on_bytes,
                on_lost=lambda _reason: None,
            )
        except DialFailed as failure:
            if failure.timed_out:
                raise ProbeOverdue from None
            raise
        if kind == "wsdl":
            await connection.fetch()
        # In order: a reset would be an error in some CE's log, twice a second.
        connection.close()
