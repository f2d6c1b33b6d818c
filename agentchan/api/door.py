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
from agentchan.api.refusals import Malformed, Refused
from agentchan.api.routes import Router
from agentchan.api.streaming import EventBody, SlicedBody
from agentchan.api.wire import DoorChannel, DoorRequest, Overflow, body_too_large

log = structlog.get_logger("agentchan.api")

_READ_IN_THREAD = 32 * 1024
"""Bytes of a body from which on it is read in a thread: half a millisecond of JSON."""

_HOST = re.compile(r"[A-Za-z0-9._~%:\[\]-]{1,255}")


class Door(ServerFactory):
    """One door.

    Args:
        reactor: its clock and thread pool.
        operator: the daemon.
        router: what this door has.
        guard: who may ask.
        limits: what a client may use up.
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
        self._reactor = reactor
        self._operator = operator
        self._router = router
        self._guard = guard or Guard()
        self.limits = limits or Limits()
        self._names = names or UserNames(reactor)
        self._channels: set[DoorChannel] = set()
        self._streams = 0
        self._body_bytes = 0
        self._closing = False
        self._closed: Deferred[None] | None = None

    # -- connections -----------------------------------------------------------------------------------------------

    def buildProtocol(self, addr: Any) -> Any:
        """A client connects."""
        host = getattr(addr, "host", None)
        if self._closing or (isinstance(host, str) and not self._guard.admits(host)):
            log.info("api-peer-refused", peer=host)
            return None
        if len(self._channels) >= self.limits.connections:
            log.warning("api-connections-exhausted", connections=len(self._channels))
            return Overflow()
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

    def close(self, grace: float) -> Deferred[None]:
        """End all connections: idle ones and event streams at once, others after their answer, at last by force.

        Args:
            grace: seconds that answers may still take.
        """
        self._closing = True
        finished: Deferred[None] = Deferred()
        if not self._channels:
            finished.callback(None)
            return finished
        self._closed = finished
        for channel in tuple(self._channels):
            channel.close_when_idle()
        for channel in tuple(self._channels):
            if any(request.is_stream for request in channel.requests):
                channel.forceAbortClient()
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

    # -- requests --------------------------------------------------------------------------------------------------

    def serve(self, request: DoorRequest) -> None:
        """Answer a request that has come completely; called by its channel."""
        Deferred.fromCoroutine(self._serve(request))

    async def _serve(self, request: DoorRequest) -> None:
        gone: list[bool] = []
        request.notifyFinish().addErrback(lambda _: gone.append(True))
        try:
            answer = await self._answer(request)
        except Refused as refused:
            answer = refusal_answer(refused)
        except Exception:
            log.exception("api-request-failed", path=_text(request.path))
            message = "the daemon has met a fault of its own; its log tells more ('journalctl -u agentchan')"
            answer = refusal_answer(Refused("internal", message, 500))
        if gone:
            return
        if isinstance(answer, EventStream):
            self._stream(request, answer)
        else:
            self._write(request, answer)

    async def _answer(self, request: DoorRequest) -> Answer | EventStream:
        self._guard.check(request.getHeader("authorization"))
        method, path = _text(request.method), _text(request.path)
        found = self._router.find(method, path)
        if request.too_large:
            raise body_too_large(self.limits.body)
        if request.getHeader("origin") and method not in ("GET", "HEAD"):
            # A page in some browser on this machine could send forms otherwise.
            raise Refused("cross-origin", "requests from web pages are not taken here", 403)
        asked = Asked(
            path=path,
            values=found.values,
            query=_text(request.uri.partition(b"?")[2]),
            body=request.body,
            content_type=_media_type(request.getHeader("content-type")),
            full_content_type=request.getHeader("content-type"),
            accept=request.getHeader("accept") or "",
            who=await self._who(request) if found.route.names_who else "",
            base_url=self._base_url(request),
            soap_action=_unquoted(request.getHeader("soapaction")),
            last_event_id=request.getHeader("last-event-id"),
        )
        if len(asked.body) < _READ_IN_THREAD:
            value = found.route.read(asked)
        else:
            value = await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), found.route.read, asked)
        result = found.route.ask(self._operator, value)
        if isinstance(result, Deferred):
            result = await result
        return found.route.present(asked, result)

    async def _who(self, request: DoorRequest) -> str:
        uid = peer_uid(request.channel.transport)
        if uid is not None:
            return await self._names.of(uid)
        return str(getattr(request.client, "host", None) or "unknown")

    def _base_url(self, request: DoorRequest) -> str:
        host = request.getHeader("host") or ""
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
        if self._streams >= self.limits.streams:
            message = f"{self._streams} clients follow the events already; close some"
            self._write(request, refusal_answer(Refused("too-many-streams", message, 503)))
            return
        self._head(request, 200, "text/event-stream")
        if request.method == b"HEAD":
            request.finish()
            return
        request.is_stream = True
        self._streams += 1
        EventBody(self._reactor, request, self._operator.feed, self.limits, self._stream_over).start(stream.last_id)

    def _stream_over(self) -> None:
        self._streams -= 1

    def _head(self, request: DoorRequest, status: int, content_type: str) -> None:
        request.setResponseCode(status)
        headers = request.responseHeaders
        headers.setRawHeaders("Content-Type", [content_type])
        headers.setRawHeaders("Date", [http.datetimeToString()])
        headers.setRawHeaders("Cache-Control", ["no-store"])
        headers.setRawHeaders("X-Content-Type-Options", ["nosniff"])
        if self._closing:
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


def _media_type(content_type: str | None) -> str | None:
    """The media type without parameters; another charset than UTF-8 makes it one that is not known."""
    if content_type is None:
        return None
    name, *parameters = (part.strip().lower() for part in content_type.split(";"))
    for parameter in parameters:
        if parameter.startswith("charset=") and parameter[8:].strip('"') not in ("utf-8", "utf8", "us-ascii"):
            return f"{name}; {parameter}"
    return name


def _unquoted(action: str | None) -> str | None:
    return None if action is None else action.strip().removeprefix('"').removesuffix('"')
