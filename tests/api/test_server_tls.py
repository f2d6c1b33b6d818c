"""https on listen, in what the loopback tests cannot show."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.address import IPv4Address

from agentchan.api.guards import Guard
from agentchan.api.limits import Limits
from agentchan.api.server_tls import ServerCertificate, TlsDoor
from agentchan.api.unix_socket import DoorError
from tests.api.wires import House
from tests.ce.certificates import issue

PEER = IPv4Address("TCP", "127.0.0.1", 40000)


@pytest.fixture
def certificate(tmp_path: Path) -> ServerCertificate:
    """Certificate and key in one file."""
    identity = issue("a", "127.0.0.1")
    (tmp_path / "a.pem").write_bytes(identity.certificate_pem() + identity.key_pem())
    return ServerCertificate(tmp_path / "a.pem", None)


def test_who_is_not_let_in_gets_no_handshake(certificate: ServerCertificate) -> None:
    """Neither a peer that is not allowed, nor one too many; it is not counted either."""
    for house in (House(guard=Guard(())), House(limits=Limits(connections=0))):
        door = TlsDoor(house.reactor, house.door, certificate)
        assert [door.buildProtocol(PEER) for _ in range(100)] == [None] * 100
        house.assert_at_rest()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "a.pem does not exist"),
        (b"", "no start line"),
        (issue("a").certificate_pem(), "PEM lib"),
        (issue("a").certificate_pem() + issue("b").key_pem(), "mismatch"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, content: bytes | None, words: str) -> None:
    """The fault names both files, and OpenSSL's reason."""
    file = tmp_path / "a.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DoorError) as fault:
        ServerCertificate(file, None)
    assert str(fault.value).startswith(f"[api] certificate_file {file} and key_file {file} cannot be used: ")
    assert words in str(fault.value)
