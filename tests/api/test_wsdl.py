"""The SOAP door's WSDL as an unmodified zeep finds it: with everything that it imports, all of it from this door."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import zeep
from lxml import etree
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from agentchan.api.doors import Doors
from agentchan.operations import soap_door
from agentchan.operations.soap_door import SoapDoor
from tests.api.recorded import RecordedOperator, api
from tests.ce.certificates import issue
from tests.ce.wsdls import ALL, SITES, profile, zeeps_port

LOOPBACK = ("127.0.0.1", 0)
CA = issue("Test CA", authority=True)


class WsdlOperator(RecordedOperator):
    """The recorded daemon, with the real WSDL of a profile."""

    def __init__(self, name: str) -> None:
        super().__init__()
        daemon: Any = SimpleNamespace(profile=profile(name), reactor=reactor)
        self._door = SoapDoor(daemon)
        self.soap_paths = self._door.soap_paths  # type: ignore[assignment]  # as many as the profile has

    def wsdl(self, base_url: str, name: str | None = None) -> Any:
        """The real one."""
        return self._door.wsdl(base_url, name)


class Asking(requests.Session):
    """A session of zeep's that remembers what it has asked for."""

    def __init__(self, ca: Path) -> None:
        super().__init__()
        self.trust_env = False  # the environment may name another authority, which would count instead
        self.verify = str(ca)
        self.asked: list[str] = []

    def get(self, url: str | bytes, **named: Any) -> requests.Response:  # type: ignore[override]  # zeep's way
        """Ask."""
        self.asked.append(str(url))
        return super().get(url, **named)


def load(url: str, ca: Path) -> tuple[list[str], dict[str, tuple[str, list[str]]]]:
    """Blocking: what a zeep client asks for, and of each port its address and its operations."""
    with Asking(ca) as session:
        client = zeep.Client(url, transport=zeep.Transport(session=session))
        ports = {
            port.name: (port.binding_options["address"], sorted(port.binding.all()))
            for service in client.wsdl.services.values()
            for port in service.ports.values()
        }
        return session.asked, ports


class WsdlTests(TestCase):
    """On the real reactor; zeep in a thread."""

    timeout = 60.0

    def setUp(self) -> None:
        """A folder, a certificate."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        (self.folder / "ca.pem").write_bytes(CA.certificate_pem())

    def open(self, name: str, **changes: Any) -> str:
        """Open the doors of a daemon with this profile; the base URL."""
        operator: Any = WsdlOperator(name)
        doors = Doors(reactor, operator, api(self.folder / f"{name}.sock", listen=LOOPBACK, **changes))
        doors.open()
        self.addCleanup(doors.close)
        assert doors.listen_address is not None
        return f"{'https' if changes else 'http'}://127.0.0.1:{doors.listen_address[1]}"

    async def loaded(self, base: str, path: str, name: str) -> None:
        """Load it there and look it over."""
        asked, ports = await deferToThread(load, f"{base}{path}?wsdl", self.folder / "ca.pem")
        files = profile(name).connector.files.files
        assert len(asked) == len(files) == len(set(asked))
        assert all(url.startswith(f"{base}/") for url in asked)
        expected = zeeps_port(name)
        assert set(ports[expected.name][1]) == set(expected.binding.all())
        own = (urlsplit(base).netloc, f"{urlsplit(base).scheme}")
        for address, _ in ports.values():
            parts = urlsplit(address)
            assert (parts.netloc, parts.scheme) == own
            assert parts.path in ("/IVRConnector", *profile(name).soap_paths)

    async def test_every_profile(self) -> None:
        """With the WSDL in one file or in six, by the door's own path and by the vendor's."""
        for name in ALL:
            base = self.open(name)
            for path in ("/IVRConnector", *profile(name).soap_paths):
                await self.loaded(base, path, name)

    async def test_over_tls(self) -> None:
        """What is imported comes by https too."""
        certificate, key = issue("door", "127.0.0.1", signer=CA).store(self.folder, "server")
        await self.loaded(self.open("wcf", certificate_file=certificate, key_file=key), "/IVRConnector", "wcf")

    async def test_large_files(self) -> None:
        """They are written in a thread, and are as good."""
        self.patch(soap_door, "READ_HERE", 1000)
        await self.loaded(self.open("wcf"), "/IVRConnector", "wcf")

    async def test_any_file_by_any_name(self) -> None:
        """?xsd= gives the same as ?wsdl=, escaped or not; what is not there is 404, and so is what is elsewhere."""
        base = self.open("wcf")

        def texts(*queries: str) -> list[tuple[int, bytes]]:
            with Asking(self.folder / "ca.pem") as session:
                answers = [session.get(f"{base}/IVRConnector?{query}") for query in queries]
                return [(answer.status_code, answer.content) for answer in answers]

        same = await deferToThread(
            texts, "wsdl=xsd/data.xsd", "xsd=xsd/data.xsd", "xsd=xsd%2Fdata.xsd", "XSD=xsd/data.xsd"
        )
        assert {status for status, _ in same} == {200}
        assert len({body for _, body in same}) == 1
        assert etree.fromstring(same[0][1]).get("targetNamespace") == "http://site.example/ivr/data"
        for status, body in await deferToThread(
            texts, "xsd=nobody.xsd", "wsdl=../wcf/profile.toml", "wsdl=/etc/passwd", "wsdl=profile.toml", "wsdl=%00"
        ):
            assert status == 404
            assert b"not-found" in body


def test_sites_have_several_files() -> None:
    """So that the tests above are worth something."""
    assert max(len(profile(name).connector.files.files) for name in SITES) > 4


@pytest.mark.parametrize("name", ALL)
def test_a_wsdl_holds_nobody_up(name: str, quickly: Callable[[Callable[[], object]], bool]) -> None:
    """Whoever asks for it in a row keeps the reactor for less than 10 ms each time."""
    operator = WsdlOperator(name)
    assert quickly(lambda: operator.wsdl("http://here:8093"))
