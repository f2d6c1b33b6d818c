"""Both doors on real sockets, asked by clients that know nothing of Twisted."""

from __future__ import annotations

import getpass
import http.client
import json
import os
import socket
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from agentchan.api.doors import Doors
from agentchan.api.unix_socket import DoorError
from agentchan.vocabulary import Secret
from tests.api.recorded import RecordedOperator, api
from tests.ce.certificates import Identity, issue

LOOPBACK = ("127.0.0.1", 0)
CA = issue("Test CA", authority=True)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(connection: http.client.HTTPConnection, method: str, target: str, value: Any = None, **headers: str) -> Any:
    """Ask, blocking; the status and the JSON of the answer."""
    body = None if value is None else json.dumps(value)
    connection.request(method, target, body, {"Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


class DoorsTests(TestCase):
    """On the real reactor; each client in a thread."""

    timeout = 30.0

    def setUp(self) -> None:
        """A folder, and nothing open."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.operator = RecordedOperator()

    def open(self, *, token: Secret | None = None, adopted: int | None = None, **changes: Any) -> Doors:
        """Open the doors until the test ends."""
        doors = Doors(reactor, self.operator, api(self.folder / "a.sock", **changes), token, adopted)
        doors.open()
        self.addCleanup(doors.close)
        return doors

    def unix(self) -> UnixConnection:
        """A client of the socket."""
        connection = UnixConnection(self.folder / "a.sock")
        self.addCleanup(connection.close)
        return connection

    def tcp(self, doors: Doors) -> http.client.HTTPConnection:
        """A client of listen."""
        assert doors.listen_address is not None
        connection = http.client.HTTPConnection(*doors.listen_address, timeout=20)
        self.addCleanup(connection.close)
        return connection

    def https(self, doors: Doors, trusted: Identity = CA) -> http.client.HTTPSConnection:
        """A client of listen over TLS."""
        assert doors.listen_address is not None
        context = ssl.create_default_context(cadata=trusted.certificate_pem().decode())
        connection = http.client.HTTPSConnection(*doors.listen_address, timeout=20, context=context)
        self.addCleanup(connection.close)
        return connection

    def in_thread(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> Awaitable[Any]:
        """Do blocking work."""
        return deferToThread(work, *arguments, **named)

    async def test_the_socket_has_everything_and_knows_who_asks(self) -> None:
        """Many requests over one connection; the operator's name comes from the kernel."""
        self.open()
        client = self.unix()
        for _ in range(3):
            status, value = await self.in_thread(ask, client, "GET", "/v1/status")
            assert (status, value["ivr"]) == (200, "ivr1")
        assert (await self.in_thread(ask, client, "POST", "/v1/drain", {}))[0] == 200
        assert self.operator.asked[0][1].who == getpass.getuser()
        assert (await self.in_thread(ask, client, "GET", "/v1/channels"))[1]["channels"][119]["channel"] == "ivr1-120"

    async def test_listen_has_what_scripts_need(self) -> None:
        """And knows their address; what changes readiness is not there."""
        doors = self.open(listen=LOOPBACK)
        client = self.tcp(doors)
        call = {"channel": "ivr1-001", "call_id": "c"}
        assert (await self.in_thread(ask, client, "POST", "/v1/new-call", call))[0] == 202
        assert self.operator.asked[0][1].who == "127.0.0.1"
        for method, target in (("POST", "/v1/readiness"), ("GET", "/v1/status"), ("POST", "/v1/drain")):
            status, value = await self.in_thread(ask, client, method, target, {} if method == "POST" else None)
            assert (status, value["error"]["code"]) == (404, "not-found")

    async def test_without_listen_there_is_no_port(self) -> None:
        """Only the socket."""
        assert self.open().listen_address is None

    async def test_an_ipv6_listener(self) -> None:
        """The default allows the loopback of both."""
        client = self.tcp(self.open(listen=("::1", 0)))
        assert (await self.in_thread(ask, client, "GET", "/livez"))[0] == 200

    async def test_who_is_not_allowed_is_closed_out(self) -> None:
        """Before a byte is read, in clear and over TLS."""
        allow = (ip_network("192.0.2.0/24"),)
        certificate, key = issue("a", "127.0.0.1", signer=CA).store(self.folder, "server")
        for changes in ({}, {"certificate_file": certificate, "key_file": key}):
            doors = Doors(reactor, self.operator, api(self.folder / "b.sock", listen=LOOPBACK, allow=allow, **changes))
            doors.open()
            client = self.tcp(doors)
            with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
                await self.in_thread(ask, client, "GET", "/livez")
            await doors.close()

    async def test_a_token_is_for_listen_alone(self) -> None:
        """The socket has its permissions; a renewed token counts from then on."""
        doors = self.open(listen=LOOPBACK, token=Secret("old"))
        client = self.tcp(doors)
        assert (await self.in_thread(ask, client, "GET", "/livez"))[0] == 401
        assert (await self.in_thread(ask, client, "GET", "/livez", Authorization="Bearer old"))[0] == 200
        assert (await self.in_thread(ask, self.unix(), "GET", "/livez"))[0] == 200
        doors.renew(Secret("new"))
        assert (await self.in_thread(ask, client, "GET", "/livez", Authorization="Bearer old"))[0] == 401
        assert (await self.in_thread(ask, client, "GET", "/livez", Authorization="Bearer new"))[0] == 200

    async def test_https(self) -> None:
        """With the certificate of the configuration, verified; the WSDL says https; a client in clear gets nowhere."""
        certificate, key = issue("a", "127.0.0.1", signer=CA).store(self.folder, "server")
        doors = self.open(listen=LOOPBACK, certificate_file=certificate, key_file=key)
        client = self.https(doors)
        for _ in range(2):
            assert (await self.in_thread(ask, client, "GET", "/livez"))[0] == 200
        wsdl = await self.in_thread(self.text, client, "/IVRConnector?wsdl")
        assert wsdl.startswith(b"<wsdl at='https://127.0.0.1:")
        call = {"channel": "ivr1-001", "call_id": "c"}
        assert (await self.in_thread(ask, client, "POST", "/v1/new-call", call))[0] == 202
        assert self.operator.asked[-1][1].who == "127.0.0.1"
        with pytest.raises((http.client.HTTPException, OSError)):
            await self.in_thread(ask, self.tcp(doors), "GET", "/livez")
        with pytest.raises(ssl.SSLCertVerificationError):
            await self.in_thread(ask, self.https(doors, issue("Other CA", authority=True)), "GET", "/livez")

    def text(self, client: http.client.HTTPConnection, target: str) -> bytes:
        """Ask for something that is no JSON."""
        client.request("GET", target)
        return client.getresponse().read()

    async def test_old_tls_is_refused(self) -> None:
        """1.2 is the least."""
        certificate, key = issue("a", "127.0.0.1", signer=CA).store(self.folder, "server")
        doors = self.open(listen=LOOPBACK, certificate_file=certificate, key_file=key)
        context = ssl.create_default_context(cadata=CA.certificate_pem().decode())
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        assert doors.listen_address is not None
        client = http.client.HTTPSConnection(*doors.listen_address, timeout=20, context=context)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await self.in_thread(ask, client, "GET", "/livez")

    async def test_a_certificate_is_renewed_without_disconnecting_anybody(self) -> None:
        """New connections see the new one; one that cannot be used changes nothing, and the fault says so."""
        other = issue("Other CA", authority=True)
        certificate, key = issue("a", "127.0.0.1", signer=CA).store(self.folder, "server")
        doors = self.open(listen=LOOPBACK, certificate_file=certificate, key_file=key)
        before = self.https(doors)
        assert (await self.in_thread(ask, before, "GET", "/livez"))[0] == 200
        issue("b", "127.0.0.1", signer=other).store(self.folder, "server")
        doors.renew(None)
        assert (await self.in_thread(ask, before, "GET", "/livez"))[0] == 200
        assert (await self.in_thread(ask, self.https(doors, other), "GET", "/livez"))[0] == 200
        certificate.write_bytes(b"nonsense")
        with pytest.raises(DoorError, match=r"certificate_file .* cannot be used: "):
            doors.renew(Secret("new"))
        assert (await self.in_thread(ask, self.https(doors, other), "GET", "/livez"))[0] == 200

    async def test_a_certificate_that_cannot_be_used_opens_nothing(self) -> None:
        """Neither door, so that nobody takes half a daemon for a whole one."""
        certificate, key = issue("a", "127.0.0.1", signer=CA).store(self.folder, "server")
        key.write_bytes(issue("b").key_pem())
        for files in ((certificate, key), (self.folder / "none", None)):
            doors = Doors(
                reactor,
                self.operator,
                api(self.folder / "a.sock", listen=LOOPBACK, certificate_file=files[0], key_file=files[1]),
            )
            with pytest.raises(DoorError, match=r"cannot be used: .+"):
                doors.open()
            await doors.close()
        with pytest.raises(OSError, match=r"refused|No such file"):
            await self.in_thread(ask, self.unix(), "GET", "/livez")
        self.open()

    async def test_a_port_that_is_taken(self) -> None:
        """The fault names it and what to look at; the socket is not left open."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            doors = Doors(reactor, self.operator, api(self.folder / "a.sock", listen=other.getsockname()))
            with pytest.raises(DoorError, match=r"listen 127.0.0.1:\d+ cannot be opened: .*in use.*ss -ltnp"):
                doors.open()
        await doors.close()
        self.open()

    async def test_a_listener_that_systemd_holds(self) -> None:
        """It is used instead of an own one, and goes on taking connections while the daemon is restarted."""
        with socket.create_server(("127.0.0.1", 0)) as held:
            host, port = held.getsockname()
            first = Doors(reactor, self.operator, api(self.folder / "a.sock"), None, os.dup(held.fileno()))
            first.open()
            assert first.listen_address == (host, port)
            assert (await self.in_thread(ask, self.tcp(first), "GET", "/livez"))[0] == 200
            await first.close()
            waiting = http.client.HTTPConnection(host, port, timeout=20)
            self.addCleanup(waiting.close)
            answer = self.in_thread(ask, waiting, "GET", "/livez")
            self.open(adopted=os.dup(held.fileno()))
            assert (await answer)[0] == 200

    async def test_a_descriptor_that_is_no_listener(self) -> None:
        """A fault, and nothing is open."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        doors = Doors(reactor, self.operator, api(self.folder / "a.sock"), None, descriptor)
        with pytest.raises(DoorError, match="the listener that systemd holds"):
            doors.open()
        os.close(descriptor)
        await doors.close()

    async def test_events_follow_as_they_happen(self) -> None:
        """Over a real socket, to the end that the daemon gives the stream when it stops."""
        doors = self.open()
        client = self.unix()

        def begin() -> http.client.HTTPResponse:
            client.request("GET", "/v1/events", headers={"Last-Event-ID": "run1-0"})
            return client.getresponse()

        self.operator.feed.publish("one")
        stream = await self.in_thread(begin)
        self.operator.feed.publish("two")

        def lines_until(last: bytes) -> list[bytes]:
            lines = [stream.readline()]
            while last not in lines[-1]:
                lines.append(stream.readline())
            return lines

        lines = await self.in_thread(lines_until, b'"event":"two"')
        assert sum(line.startswith(b"data: ") for line in lines) == 2
        rest = self.in_thread(stream.read)
        await doors.close()
        assert (await rest).strip() == b""

    async def test_closing_waits_for_answers(self) -> None:
        """A request under way gets its answer; nobody new gets in."""
        doors = self.open()
        self.operator.waiting = Deferred()
        client = self.unix()
        asked: Deferred[None] = Deferred()
        plain = self.operator.new_call

        def new_call(request: Any) -> Any:
            asked.callback(None)
            return plain(request)

        self.operator.new_call = new_call  # type: ignore[method-assign]
        call = {"channel": "ivr1-001", "call_id": "c"}
        answer = self.in_thread(ask, client, "POST", "/v1/new-call?wait=20s", call)
        await asked
        closed = doors.close(10.0)
        with pytest.raises(OSError, match=r"refused|No such file|reset|broken"):
            await self.in_thread(ask, self.unix(), "GET", "/livez")
        self.operator.waiting.callback({"signal_id": "s", "fate": "confirmed"})
        assert await answer == (200, {"signal_id": "s", "fate": "confirmed"})
        await closed
        assert not (self.folder / "a.sock").exists()

    async def test_clients_at_once(self) -> None:
        """Eight of them, each with its own connection, all served."""
        doors = self.open(listen=LOOPBACK)

        def many(number: int) -> list[int]:
            client = self.tcp(doors)
            calls = [{"channel": "ivr1-001", "call_id": f"{number}-{each}"} for each in range(20)]
            return [ask(client, "POST", "/v1/new-call", call)[0] for call in calls]

        for work in [self.in_thread(many, number) for number in range(8)]:
            assert await work == [202] * 20
        assert len(self.operator.asked) == 160
