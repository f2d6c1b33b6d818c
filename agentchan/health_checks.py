"""Checks whether a TCP port accepts, or an http URL answers with 2xx: once, within a deadline."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from agentchan.ce.address_race import AddressRace
from agentchan.ce.deadline import Deadline
from agentchan.ce.dial_reasons import describe_loss, describe_refusal
from agentchan.ce.name_lookups import Address, SharedLookups
from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.tls import TlsSettings
from agentchan.ce.tls_handshake import Handshake
from agentchan.ce.wire import PlainWire, TlsFactory, Wire
from agentchan.core.presence import Evidence
from agentchan.sip.outcome import Outcome
from agentchan.sip.udp_flow import OURS

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\n]*)?\r?\n")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_LARGEST_HEAD = 16 * 1024
_MOST_INTERIM_ANSWERS = 8
"""That come together; nobody has a use for more than two or three."""

_BEYOND_OUR_DEADLINE = 1.0


class StreamCheck:
    """One check; a fresh connection, so that what accepts nobody new is found out.

    Attributes:
        outcome: fires once, and never fails; cancelling it ends the check.
    """

    def __init__(
        self,
        reactor: Any,
        lookups: SharedLookups,
        url: ServiceUrl,
        timeout: float,
        *,
        tls: TlsSettings | None = None,
        request: bytes = b"",
    ) -> None:
        """Begin.

        Args:
            reactor: Twisted's.
            lookups: of host names.
            url: where; ``secure`` says whether TLS is spoken.
            timeout: seconds for everything.
            tls: needed for a secure URL only.
            request: what is sent, to be answered with 2xx; without one, being accepted is enough.
        """
        self.outcome: Deferred[Outcome] = Deferred(lambda _: self._end())
        self._reactor = reactor
        self._url = url
        self._timeout = timeout
        self._request = request
        self._resolved = url.literal
        self._handshake = Handshake(url, tls) if tls is not None and url.secure else None
        self._heard = b""
        self._began = reactor.seconds()
        self._over = False
        self._wire: Wire | None = None
        self._deadline = Deadline(reactor, timeout, self._timed_out)
        factory: Any = _WireFactory(self, secure=self._handshake is not None)
        if self._handshake is not None:
            factory = TlsFactory(self._handshake, True, factory, reactor)
        self._connecting: Deferred[Any] | None = self._addresses(lookups).addCallback(self._race, factory)
        self._connecting.addCallbacks(self._connected, self._refused)

    def bytes_arrived(self) -> None:
        """The wire's."""

    def data_received(self, data: bytes) -> None:
        """The wire's: a piece of the answer."""
        if self._over or not self._request:
            return
        self._heard += data
        try:
            code = _final_status(self._heard)
        except ValueError:
            self._fail(f"{self._url.where} answers with something that is not HTTP")
            return
        if code is not None:
            alive = 200 <= code < 300  # noqa: PLR2004 - RFC 9110, 15.3
            evidence = Evidence.ANSWERS if alive else Evidence.FAILS
            self._conclude(Outcome(evidence, f"answered {code}", code, self._reactor.seconds() - self._began))

    def handshake_completed(self) -> None:
        """The wire's: TLS is there."""
        if self._handshake is not None and self._handshake.certificate is not None:
            self._established()

    def lost(self, failure: Failure) -> None:
        """The wire's: the connection ended before the answer."""
        self._wire = None
        if self._handshake is None:
            self._fail(f"{self._url.where} closed the connection without an answer")
        elif self._handshake.certificate is None:
            self._fail(self._handshake.describe(failure))
        else:
            missing = self._handshake.certificate_missing
            self._fail(describe_loss(self._url, failure, certificate_missing=missing, unused=not self._heard))

    def _addresses(self, lookups: SharedLookups) -> Deferred[tuple[Address, ...]]:
        if not self._url.literal:
            return lookups.look_up(self._url.host, self._url.port)
        kind = IPv6Address if ":" in self._url.host else IPv4Address
        return succeed((kind("TCP", self._url.host, self._url.port),))

    def _race(self, addresses: tuple[Address, ...], factory: Any) -> Deferred[Any]:
        self._resolved = bool(addresses)
        timeout = self._timeout + _BEYOND_OUR_DEADLINE
        return AddressRace(self._reactor, addresses, factory, timeout=timeout).winner

    def _connected(self, top: Any) -> None:
        self._connecting = None
        self._wire = top if self._handshake is None else top.wrappedProtocol
        if self._handshake is None:
            self._established()

    def _refused(self, failure: Failure) -> None:
        self._connecting = None
        # The system's resolver does not tell whether there is no such name or only no name server.
        ours = not self._resolved or getattr(failure.value, "osError", None) in OURS
        reason = describe_refusal(self._url, failure)
        self._conclude(Outcome(Evidence.NOTHING if ours else Evidence.FAILS, reason))

    def _established(self) -> None:
        if self._wire is None:
            return
        if self._request:
            self._wire.transport.write(self._request)
        else:
            took = self._reactor.seconds() - self._began
            self._conclude(Outcome(Evidence.ANSWERS, "accepted the connection", latency=took))

    def _timed_out(self) -> None:
        if not self._resolved:
            reason = f"{self._url.host} was not resolved within {self._timeout:g} s"
            self._conclude(Outcome(Evidence.NOTHING, reason))
            return
        what = "accept the connection" if self._wire is None else "answer"
        self._fail(f"{self._url.where} did not {what} within {self._timeout:g} s")

    def _fail(self, reason: str) -> None:
        self._conclude(Outcome(Evidence.FAILS, reason))

    def _conclude(self, outcome: Outcome) -> None:
        if not self._over:
            self._end()
            self.outcome.callback(outcome)

    def _end(self) -> None:
        self._over = True
        self._deadline.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._wire is None:
            return
        if self._handshake is None:
            self._wire.transport.loseConnection()  # a reset would be an error in some IVR's log, every few seconds
        else:
            self._wire.transport.abortConnection()  # TLS would wait for the peer's farewell


def _final_status(heard: bytes) -> int | None:
    """The status of an HTTP answer as far as it has come, without interim ones; None while there is none yet.

    Raises:
        ValueError: it is no HTTP, or no end of it.
    """
    at = 0
    for _ in range(_MOST_INTERIM_ANSWERS):
        status = _STATUS_LINE.match(heard, at)
        if status is None and heard.find(b"\n", at) >= 0:
            break
        if status is not None and not status[1].startswith(b"1"):
            return int(status[1])
        end = None if status is None else _END_OF_HEAD.search(heard, at)
        if end is None:
            if len(heard) > _LARGEST_HEAD:
                break
            return None
        at = end.end()
    raise ValueError("not an HTTP answer")


class _WireFactory(Factory):
    """Makes the wire of the one address that connects."""

    noisy = False

    def __init__(self, check: StreamCheck, *, secure: bool) -> None:
        self._check = check
        self._secure = secure

    def buildProtocol(self, addr: IAddress | None) -> Wire:  # noqa: N802, ARG002 - Twisted's signature
        """TCP is there."""
        return Wire(self._check) if self._secure else PlainWire(self._check)


def stream_check(
    reactor: Any, lookups: SharedLookups, target: str, tls: Callable[[], TlsSettings]
) -> Callable[[float], Deferred[Outcome]]:
    """What makes checks of a ``tcp://host:port``, http or https URL, given a timeout in seconds.

    Raises:
        ValueError: the target is none of them; the text is one line for an operator.
    """
    scheme, _, rest = target.partition("://")
    if scheme.lower() == "tcp":
        url = ServiceUrl.parse(f"http://{rest}")
        return lambda timeout: StreamCheck(reactor, lookups, url, timeout).outcome
    url = ServiceUrl.parse(target)
    request = (
        f"GET {url.target} HTTP/1.1\r\nHost: {url.authority}\r\nUser-Agent: agentchan\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii")
    if not url.secure:
        return lambda timeout: StreamCheck(reactor, lookups, url, timeout, request=request).outcome
    return lambda timeout: StreamCheck(reactor, lookups, url, timeout, tls=tls(), request=request).outcome
