"""One door: accepts connections, finds out what is asked and by whom, and writes the daemon's answer."""

# ruff: noqa: N802  the names of Twisted's methods

from __future__ import annotations

import re
from typing import Any

import structlog
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ServerFactory
from twisted.internet.threads import deferToThreadPool
from twisted.web import http

from agentchan.api.answers import Answer, EventStream, refusal_answer
from agentchan.api.asked import Asked
from agentchan.api.guards import Guard
from agentchan.api.limits import Limits
from agentchan.api.operator import Operator
from agentchan.api.peers import UserNames, peer_uid
from agentchan.api.rates import Rates
from agentchan.api.refusals import Malformed, Refused
from agentchan.api.routes import Found, Router
from agentchan.api.streaming import EventBody, SlicedBody
from agentchan.api.wire import DoorChannel, DoorRequest, Overflow

log = structlog.get_logger("agentchan.api")

_READ_IN_THREAD = 32 * 1024
"""Bytes of a body from which on it is read in a thread: half a millisecond of JSON."""

_COMPLAINT_INTERVAL = 1.0
"""Seconds between two lines of the log about connections that are not let in."""

_HOST = re.compile(r"[A-Za-z0-9._~%:\[\]-]{1,255}")


class Door(ServerFactory):
    """One door.

    Attributes:
        guard: who may ask; another one counts from the next connection and request on.
        limits: what a client may use up.
        closing: whether it is being closed.

    Args:
        reactor: its clock and thread pool.
        operator: the daemon.
        router: what this door has.
        names: names of Unix users.
    """

    noisy = False

    def __init__(
        self,
        reactor: Any,
        operator: Operator,
        router: Router,
        *,
        guard: Guard | None = None,
        limits: Limits | None = None,
        names: UserNames | None = None,
    ) -> None:
        self.guard = guard or Guard()
        self.limits = limits or Limits()
        self.closing = False
        self._reactor = reactor
        self._operator = operator
        self._router = router
        self._names = names or UserNames(reactor)
        self._channels: set[DoorChannel] = set()
        self._overflow = 0
        self._streams: set[EventBody] = set()
        self._body_bytes = 0
        self._rates = None if self.limits.rate is None else Rates(self.limits.rate)
        self._complained_at = float("-inf")
        self._closed: Deferred[None] | None = None

    # -- connections -----------------------------------------------------------------------------------------------

    def buildProtocol(self, addr: Any) -> Any:
        """A client connects; None closes the connection without a word."""
        host = getattr(addr, "host", None)
        if self.closing:
            return None
        if isinstance(host, str) and not self.guard.admits(host):
            self._complain("api-peer-refused", peer=host)
            return None
        if len(self._channels) >= self.limits.connections:
            self._complain("api-connections-exhausted", connections=len(self._channels))
            if self._overflow >= self.limits.overflow:
                return None
            self._overflow += 1
            return Overflow(self, self._reactor.callLater)
        channel = DoorChannel()
        channel.factory = self
        channel.door = self
        channel.callLater = self._reactor.callLater  # type: ignore[method-assign]  # Twisted's own way
        channel.timeOut = self.limits.idle_time  # type: ignore[assignment]  # seconds as callLater takes them
        return channel

    def connected(self, channel: DoorChannel) -> None:
        """A connection is open."""
        self._channels.add(channel)

    def disconnected(self, channel: DoorChannel) -> None:
        """A connection has ended."""
        self._channels.discard(channel)
        if self._closed is not None and not self._channels:
            closed, self._closed = self._closed, None
            closed.callback(None)

    def overflow_over(self) -> None:
        """A connection too many has ended."""
        self._overflow -= 1

    def close(self, grace: float) -> Deferred[None]:
        """End all connections: idle ones and event streams at once, others after their answer, at last by force.

        Args:
            grace: seconds that answers may still take.
        """
        self.closing = True
        finished: Deferred[None] = Deferred()
        if not self._channels:
            finished.callback(None)
            return finished
        self._closed = finished
        for channel in tuple(self._channels):
            channel.close_when_idle()
        for stream in tuple(self._streams):
            stream.end()
        force = self._reactor.callLater(grace, self._abort)

        def over(result: None) -> None:
            if force.active():
                force.cancel()
            return result

        return finished.addCallback(over)

    def _abort(self) -> None:
        for channel in tuple(self._channels):
            channel.forceAbortClient()

    def take(self, size: int) -> bool:
        """Whether so many more bytes of bodies may be kept; counts them if so."""
        if self._body_bytes + size > self.limits.bodies:
            return False
        self._body_bytes += size
        return True

    def give_back(self, size: int) -> None:
        """So many bytes of bodies are no longer kept."""
        self._body_bytes -= size

    def log(self, request: Any) -> None:
        """An answer is written (Twisted's hook for access logs)."""
        log.debug("api-answered", method=request.method.decode("ascii", "replace"), status=request.code)

    def _complain(self, event: str, **fields: Any) -> None:
        now = self._reactor.seconds()
        if now >= self._complained_at + _COMPLAINT_INTERVAL:
            self._complained_at = now
            log.warning(event, **fields)

    # -- requests --------------------------------------------------------------------------------------------------

    def admitted(self, request: DoorRequest) -> Found:
        """What a request means, by its head alone: nothing of a body is kept for those who may not ask.

        Raises:
            Refused: it is not answered here.
        """
        self._check_rate(request)
        self.guard.check(request.getHeader(b"authorization"))
        found = self._router.find(_text(request.method), _text(request.path))
        if len(request.requestHeaders.getRawHeaders(b"host", [])) > 1:
            raise Malformed("the request has several Host headers")
        encoding = _header(request, "content-encoding").lower()
        if encoding not in ("", "identity"):
            raise Refused("unsupported-media-type", f"Content-Encoding {encoding[:64]!r} is not taken here", 415)
        if _header(request, "origin") and request.method not in (b"GET", b"HEAD"):
            # A page in some browser on this machine could send forms otherwise.
            raise Refused("cross-origin", "requests from web pages are not taken here", 403)
        return found

    def _check_rate(self, request: DoorRequest) -> None:
        host = getattr(request.client, "host", None)
        if self._rates is not None and host is not None and not self._rates.allows(host, self._reactor.seconds()):
            self._complain("api-rate-exceeded", peer=host)
            message = f"more than {self.limits.rate:g} requests a second came from {host}; ask less often"
            raise Refused("too-many-requests", message, 429, headers=(("Retry-After", "1"),))

    def serve(self, request: DoorRequest) -> None:
        """Answer a request that has come completely; called by its channel."""
        Deferred.fromCoroutine(self._serve(request)).addErrback(self._not_written, request)

    async def _serve(self, request: DoorRequest) -> None:
        gone: list[bool] = []
        request.notifyFinish().addErrback(lambda _: gone.append(True))
        try:
            answer = await self._answer(request)
        except Refused as refused:
            answer = refusal_answer(refused)
        except Exception:
            log.exception("api-request-failed", path=request.path.decode("ascii", "replace"))
            message = "the daemon has met a fault of its own; its log tells more ('journalctl -u agentchan')"
            answer = refusal_answer(Refused("internal", message, 500))
        if gone:
            return
        if isinstance(answer, EventStream):
            self._stream(request, answer)
        else:
            self._write(request, answer)

    def _not_written(self, failure: Any, request: DoorRequest) -> None:
        """An answer cannot be written: better no answer than a client that waits for the rest of it."""
        log.error("api-answer-not-written", exc_info=(failure.type, failure.value, failure.getTracebackObject()))
        if request.channel is not None:
            request.channel.forceAbortClient()

    async def _answer(self, request: DoorRequest) -> Answer | EventStream:
        if request.refused is not None:
            raise request.refused
        found = request.found
        route, body = found.route, request.body
        content_type = _header(request, "content-type")
        asked = Asked(
            path=_text(request.path),
            values=found.values,
            query=_text(request.uri.partition(b"?")[2]),
            body=body,
            content_type=_media_type(content_type),
            full_content_type=content_type or None,
            accept=_header(request, "accept"),
            base_url=self._base_url(request),
            soap_action=_unquoted(_header(request, "soapaction")) if request.getHeader(b"soapaction") else None,
            last_event_id=_header(request, "last-event-id") or None,
            who=await self._who(request) if route.names_who else "",
        )
        if len(body) < _READ_IN_THREAD:
            value = route.read(asked)
        else:
            value = await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), route.read, asked)
        result = route.ask(self._operator, value)
        if isinstance(result, Deferred):
            result = await result
        return route.present(asked, result)

    async def _who(self, request: DoorRequest) -> str:
        uid = peer_uid(request.channel.transport)
        if uid is not None:
            return await self._names.of(uid)
        return str(getattr(request.client, "host", None) or "unknown")

    def _base_url(self, request: DoorRequest) -> str:
        host = _header(request, "host")
        if not _HOST.fullmatch(host):
            own = request.getHost()
            name, port = getattr(own, "host", "localhost"), getattr(own, "port", None)
            host = f"[{name}]" if ":" in name else name
            host += f":{port}" if port else ""
        return f"{'https' if request.isSecure() else 'http'}://{host}"

    def _write(self, request: DoorRequest, answer: Answer) -> None:
        self._head(request, answer.status, answer.content_type)
        for name, value in answer.headers:
            request.responseHeaders.addRawHeader(name, value)
        if isinstance(answer.body, bytes):
            request.responseHeaders.setRawHeaders("Content-Length", [str(len(answer.body))])
            request.write(answer.body)
            request.finish()
        elif request.method == b"HEAD":
            request.finish()
        else:
            SlicedBody(self._reactor, request, answer.body, self.limits).start()

    def _stream(self, request: DoorRequest, stream: EventStream) -> None:
        if len(self._streams) >= self.limits.streams or self.closing:
            message = f"{len(self._streams)} clients follow the events already; close some"
            self._write(request, refusal_answer(Refused("too-many-streams", message, 503)))
            return
        self._head(request, 200, "text/event-stream")
        if request.method == b"HEAD":
            request.finish()
            return
        body = EventBody(self._reactor, request, self._operator.feed, self.limits, self._streams.discard)
        self._streams.add(body)
        body.start(stream.last_id)

    def _head(self, request: DoorRequest, status: int, content_type: str) -> None:
        request.setResponseCode(status)
        headers = request.responseHeaders
        headers.setRawHeaders("Content-Type", [content_type])
        headers.setRawHeaders("Date", [http.datetimeToString()])
        headers.setRawHeaders("Cache-Control", ["no-store"])
        headers.setRawHeaders("X-Content-Type-Options", ["nosniff"])
        if self.closing:
            headers.setRawHeaders("Connection", ["close"])


def _text(octets: bytes) -> str:
    """A part of the request line.

    Raises:
        Malformed: not ASCII, which a URI is (RFC 3986).
    """
    try:
        return octets.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("the request line is not ASCII; escape other letters as %XX of their UTF-8") from None


def _header(request: DoorRequest, name: str) -> str:
    """A header, empty where it is missing; what is not UTF-8 in it is replaced, since no header here needs more."""
    return (request.getHeader(name.encode()) or b"").decode("utf-8", "replace")


def _media_type(content_type: str) -> str | None:
    """The media type without parameters; another charset than UTF-8 makes it one that is not known."""
    if not content_type:
        return None
    name, *parameters = (part.strip().lower() for part in content_type.split(";"))
    for parameter in parameters:
        if parameter.startswith("charset=") and parameter[8:].strip('"') not in ("utf-8", "utf8", "us-ascii"):
            return f"{name}; {parameter}"
    return name


def _unquoted(action: str) -> str:
    return action.strip().removeprefix('"').removesuffix('"')
