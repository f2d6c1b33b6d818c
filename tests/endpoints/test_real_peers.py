"""Watching real SIP elements that were not written here, which come and go."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import skipIf

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from agentchan.ce.tls import TlsSettings
from agentchan.config import EndpointCheck, Health
from agentchan.endpoint_answers import EndpointAnswer, EndpointRow
from agentchan.endpoints import EndpointWatch
from agentchan.ivr_health import IvrHealth, IvrHealthState
from agentchan.sip.building import build_prober
from tests.sip import peers


class RealPeersCase(TestCase):
    """A watch on the real reactor."""

    timeout = 60.0

    def setUp(self) -> None:
        """Nothing is watched."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.rows: dict[str, EndpointRow] = {}
        self.awaited: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def watch(self, *endpoints: str, tls: TlsSettings | None = None, within: float = 0.5) -> EndpointWatch:
        """Watch these; a probe may take as long as there is between two."""
        prober = self.prober = build_prober(reactor, tls or TlsSettings.from_files(), random.uniform)
        settings = EndpointCheck(enabled=True, endpoints=endpoints, interval=within, timeout=within, fall=2, rise=2)
        watch = EndpointWatch(
            reactor, prober.probe, settings, jitter=random.uniform, wall=time.time, on_change=self.changed
        )
        watch.start()
        self.addCleanup(prober.stop)
        self.addCleanup(watch.stop)
        return watch

    def changed(self, row: EndpointRow, _before: bool | None) -> None:
        """Something has changed."""
        self.rows[row.uri] = row
        self.look()

    def look(self) -> None:
        """Tell who waits for what is now the case."""
        for awaited in tuple(self.awaited):
            condition, waiting = awaited
            if condition():
                self.awaited.remove(awaited)
                waiting.callback(None)

    def until(self, condition: Callable[[], bool]) -> Deferred[None]:
        """Wait for something to be the case."""
        waiting: Deferred[None] = Deferred()
        self.awaited.append((condition, waiting))
        self.look()
        return waiting

    def until_all(self, available: bool, *uris: str) -> Deferred[None]:
        """Wait until all of these are available, or not."""
        return self.until(lambda: all(uri in self.rows and self.rows[uri].available is available for uri in uris))


@skipIf(not peers.KAMAILIO_TLS, "Kamailio with TLS is not installed (Debian packages kamailio, kamailio-tls-modules)")
class KamailioTest(RealPeersCase):
    """Kamailio."""

    async def test_comes_and_goes(self) -> None:
        """Available while it runs, by every transport; not when it has ended; available again when it is back."""
        authority, identity = peers.kamailio_identity()
        tls = TlsSettings.from_files(ca_file=authority.store(self.folder, "ca")[0])
        with peers.Kamailio(self.folder, identity) as kamailio:
            port, tls_port = kamailio.port, kamailio.tls_port
            uris = (
                f"sip:127.0.0.1:{port}",
                f"sip:sales@[::1]:{port}",
                f"sip:127.0.0.1:{port};transport=tcp",
                f"sip:localhost:{tls_port};transport=tls",
                f"sips:nobody@localhost:{tls_port}",
            )
            self.watch(*uris, tls=tls)
            await self.until_all(True, *uris)
            assert self.rows[f"sips:nobody@localhost:{tls_port}"].status_code == 404
        await self.until_all(False, *uris)
        assert "refused" in self.rows[uris[0]].reason
        with peers.Kamailio(self.folder, identity, after=kamailio):
            await self.until_all(True, *uris)


@skipIf(peers.SIPP is None, "SIPp is not installed (Debian package sip-tester)")
class SippTest(RealPeersCase):
    """SIPp."""

    async def test_judged(self) -> None:
        """Statuses and silence are judged as they should be, and tell what there was."""
        scenarios = {
            "answered 200 OK": (True, peers.answering("200 OK")),
            "answered 404 Not Found": (True, peers.answering("404 Not Found")),
            "answered 486 Busy Here": (True, peers.answering("486 Busy Here")),
            "answered 480 Temporarily Unavailable": (False, peers.answering("480 Temporarily Unavailable")),
            "answered 503 Service Unavailable": (False, peers.answering("503 Service Unavailable")),
            "did not answer within 0.5 s": (False, peers.SILENT),
        }
        running = []
        for number, (_, scenario) in enumerate(scenarios.values()):
            folder = self.folder / str(number)
            folder.mkdir()
            running.append(peers.Sipp(folder, scenario))
            self.addCleanup(running[-1].__exit__, None, None, None)
        uris = [f"sip:sales@127.0.0.1:{each.port}" for each in running]
        self.watch(*uris)
        for uri, (reason, (available, _)) in zip(uris, scenarios.items(), strict=True):
            await self.until_all(available, uri)
            assert self.rows[uri].reason.endswith(reason)

    async def test_asked_for(self) -> None:
        """One that is not configured is probed when somebody asks, and known from then on."""
        watch = self.watch(within=3.0)
        with peers.Sipp(self.folder, peers.answering("200 OK")) as sipp:
            uri = f"sip:127.0.0.1:{sipp.port}"
            answer: Any = watch.ask(uri)
            first: EndpointAnswer = await answer
            assert (first.available, first.status_code) == (None, 200)
            assert first.reason == "answered 200 OK (1 of 2 in a row)"
            await self.until_all(True, uri)
            known = watch.ask(uri)
            assert isinstance(known, EndpointAnswer)
            assert (known.available, known.status_code) == (True, 200)

    async def test_ivr_health(self) -> None:
        """The IVR's own health, by OPTIONS: up, down when it has ended."""
        states: list[IvrHealthState] = []

        def on_change(state: IvrHealthState) -> None:
            states.append(state)
            self.look()

        with peers.Sipp(self.folder, peers.answering("200 OK")) as sipp:
            settings = Health(check=f"sip:ivr@127.0.0.1:{sipp.port}", interval=0.5, timeout=0.5)
            prober = build_prober(reactor, TlsSettings.from_files(), random.uniform)
            health = IvrHealth(
                reactor,
                prober.probe,
                settings,
                jitter=random.uniform,
                tls=lambda: prober.flows.tls,
                on_change=on_change,
            )
            self.addCleanup(prober.stop)
            self.addCleanup(health.stop)
            health.start()
            await self.until(lambda: [state.up for state in states] == [True])
        await self.until(lambda: [state.up for state in states] == [True, False])
        assert "refused the message" in states[-1].reason
