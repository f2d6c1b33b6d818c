"""TLS over a transport in memory: what cannot be arranged byte by byte on a real socket."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from agentchan.ce.tls import TlsSettings
from tests.ce.certificates import issue, server_context
from tests.ce.dialing import Envelope, Record, dial, http
from tests.ce.test_connection import MemoryTransport

HOST = issue("ce1", "192.0.2.1")


class DripTests(SynchronousTestCase):
    """A peer that is slow in the middle of a record."""

    def setUp(self) -> None:
        """TLS is established."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        ca_file = Path(temporary.name, "ca.pem")
        ca_file.write_bytes(HOST.certificate_pem())
        clock: Any = MemoryReactorClock()
        self.record = Record()
        dialed = dial(clock, "https://192.0.2.1/x", self.record, tls=TlsSettings.from_files(ca_file))
        self.client = clock.tcpClients[0][2].buildProtocol(None)
        self.transport = MemoryTransport()
        self.server = SSL.Connection(server_context(HOST), None)
        self.server.set_accept_state()
        self.client.makeConnection(self.transport)
        while not dialed.called:
            self.hear()
            with contextlib.suppress(SSL.WantReadError):
                self.server.do_handshake()
            self.client.dataReceived(self.server.bio_read(65536))
        self.hear()
        self.connection = self.successResultOf(dialed)

    def hear(self) -> None:
        """What the client sent reaches the server."""
        self.server.bio_write(self.transport.value())
        self.transport.clear()

    def test_each_byte_of_a_record_counts(self) -> None:
        """Bytes of an unfinished record are signs of life, though nothing can be read yet."""
        with contextlib.suppress(SSL.WantReadError):  # session tickets are no business of this test
            self.client.dataReceived(self.server.bio_read(65536))
        self.record.note_answer(self.connection.exchange(Envelope()))
        self.hear()
        assert self.server.recv(65536).endswith(b"<question/>")
        before = self.record.octets
        self.server.send(http(b"x"))
        octets = self.server.bio_read(65536)
        for index in range(len(octets)):
            assert self.record.events == []
            self.client.dataReceived(octets[index : index + 1])
        assert self.record.octets == before + len(octets)
        assert self.record.events == ["answer: 200 x"]
