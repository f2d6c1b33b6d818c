"""A door in memory: bytes in, answers out, with a clock that is moved by hand."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from agentchan.api.door import Door
from agentchan.api.guards import Guard
from agentchan.api.limits import Limits
from agentchan.api.routes import Router
from tests.api.recorded import RecordedOperator


class InlineReactor(Clock):
    """A clock that does a thread's work at once, and whose turns can be counted."""

    def turn(self) -> None:
        """Make the calls that are due; what they put off waits for the next turn."""
        for call in [call for call in self.calls if call.getTime() <= self.rightNow]:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)

    def getThreadPool(self) -> InlineReactor:  # noqa: N802  Twisted's name
        """Itself."""
        return self

    def callInThreadWithCallback(  # noqa: N802  Twisted's name
        self, tell: Callable[[bool, Any], None], work: Callable[..., Any], *arguments: Any
    ) -> None:
        """Do it now."""
        try:
            result = work(*arguments)
        except Exception:  # noqa: BLE001  a thread pool takes whatever comes
            tell(False, Failure())
        else:
            tell(True, result)

    def callFromThread(self, work: Callable[..., Any], *arguments: Any) -> None:  # noqa: N802  Twisted's name
        """Do it now."""
        work(*arguments)


class MemoryTransport(StringTransport):
    """A transport whose end comes a turn after it was asked for, and whose client may stop reading."""

    def __init__(self, reactor: Clock, peer: Any) -> None:
        super().__init__(peerAddress=peer, lenient=True)
        self._reactor = reactor
        self.protocol: Any = None
        self.reads = True
        self.aborted = False
        self.ended = False

    def write(self, data: bytes) -> None:
        """Keep it, unless the connection is gone; a client that does not read pauses its writer."""
        if self.ended:
            return
        super().write(data)
        if not self.reads and self.producer is not None:
            self.producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:  # noqa: N802  Twisted's name
        """The same for several."""
        self.write(b"".join(data))

    def read_on(self) -> None:
        """The client reads again."""
        self.reads = True
        if self.producer is not None:
            self.producer.resumeProducing()

    def unregisterProducer(self) -> None:  # noqa: N802  Twisted's name
        """As real transports do, without complaint."""
        self.producer = None

    def loseConnection(self) -> None:  # noqa: N802  Twisted's name
        """End when all is read."""
        if not self.disconnecting:
            self.disconnecting = True
            self._reactor.callLater(0, self._end_if_read)

    def abortConnection(self) -> None:  # noqa: N802  Twisted's name
        """End at once."""
        self.disconnecting = self.aborted = True
        self._reactor.callLater(0, self.end)

    def getHandle(self) -> None:  # noqa: N802  Twisted's name
        """Nothing real below."""
        return

    def end(self) -> None:
        """The connection is gone."""
        if not self.ended:
            self.ended = True
            self.protocol.connectionLost(Failure(ConnectionDone()))

    def _end_if_read(self) -> None:
        if self.reads:
            self.end()


@frozen
class Answered:
    """One HTTP answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error."""
        error = self.json["error"]
        assert set(error) >= {"code", "message"}
        assert error["message"]
        return str(error["code"])


def request(method: str, target: str, body: bytes = b"", **headers: str) -> bytes:
    """A request as bytes; ``Content-Type`` is written as content_type."""
    lines = [f"{method} {target} HTTP/1.1", "Host: ivr.example.com"]
    if body or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Wire:
    """One client's connection to a door."""

    def __init__(self, house: House, peer: Any) -> None:
        self.transport = MemoryTransport(house.reactor, peer)
        self.protocol = house.door.buildProtocol(peer)
        if self.protocol is not None:
            self.transport.protocol = self.protocol
            self.protocol.makeConnection(self.transport)
        self._reactor = house.reactor
        self._methods: list[str] = []

    @property
    def is_closed(self) -> bool:
        """Whether the daemon has ended the connection."""
        return self.protocol is None or self.transport.ended

    def send(self, data: bytes) -> None:
        """The client sends."""
        if not self.transport.ended:
            self.protocol.dataReceived(data)

    def turns(self, count: int = 1) -> None:
        """Let the reactor turn."""
        for _ in range(count):
            self._reactor.turn()

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Answered:
        """Send a request and take its answer; ``Content-Type`` is written as content_type."""
        self._methods.append(method)
        self.send(request(method, target, body, **headers))
        self.turns(300)
        (answer,) = self.answers()
        return answer

    def answers(self, count: int | None = None) -> list[Answered]:
        """Take the answers that have come.

        Args:
            count: how many there must be; None: as many as there are.
        """
        stream = io.BytesIO(self.transport.value())
        self.transport.clear()
        found = []
        while stream.tell() < len(stream.getvalue()):
            response = http.client.HTTPResponse(
                _Socket(stream), method=self._methods.pop(0) if self._methods else "GET"
            )
            response.begin()
            found.append(Answered(response.status, response.msg, response.read()))
        assert count is None or len(found) == count, found
        return found


class _Socket:
    """As http.client wants it; it must not close the stream, in which more answers may be."""

    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> Any:
        return _Unclosed(self._stream)


class _Unclosed:
    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream
        self.read, self.readline, self.readinto = stream.read, stream.readline, stream.readinto

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


class House:
    """A door with the recorded daemon behind it."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        guard: Guard | None = None,
        router: Router | None = None,
        operator: RecordedOperator | None = None,
    ) -> None:
        self.reactor = InlineReactor()
        self.operator = operator or RecordedOperator()
        self.door = Door(
            self.reactor,
            self.operator,
            router or Router(soap_paths=self.operator.soap_paths),
            guard=guard,
            limits=limits,
        )

    def connect(self, host: str = "192.0.2.7") -> Wire:
        """A client comes."""
        return Wire(self, IPv4Address("TCP", host, 40000))

    def assert_at_rest(self) -> None:
        """Nothing is kept, counted or waited for any more."""
        self.reactor.advance(1000)
        assert self.reactor.getDelayedCalls() == []
        assert self.door._body_bytes == 0
        assert not self.door._channels
        assert self.door._overflow == 0
        assert not self.door._streams
