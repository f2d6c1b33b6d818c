"""Whether the IVR itself is alive, and who is told when that changes."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from agentchan.ce.tls import TlsSettings
from agentchan.config import Health
from agentchan.ivr_health import IvrHealth, IvrHealthState
from tests.endpoints.probing import BUSY, GOOD, REFUSED, UNRESOLVED, Probed, run

SIP = Health(check="sip:ivr@127.0.0.1:5060")
TCP = Health(check="tcp://127.0.0.1:5060")


class HealthCase(SynchronousTestCase):
    """An IVR that is checked by OPTIONS."""

    def setUp(self) -> None:
        """Nothing is checked yet."""
        self.clock: Any = Clock()
        self.probed = Probed(self.clock)
        self.changes: list[IvrHealthState] = []

    def health(self, settings: Health | None = SIP) -> IvrHealth:
        """Begin to check."""
        health = IvrHealth(
            self.clock,
            self.probed.probe,
            settings,
            jitter=lambda _low, high: high,
            tls=TlsSettings.from_files,
            on_change=self.changes.append,
        )
        health.start()
        self.addCleanup(self.nothing_left, health)
        return health

    def nothing_left(self, health: IvrHealth) -> None:
        """After a stop there is no timer."""
        health.stop()
        assert self.clock.getDelayedCalls() == []

    def told(self) -> list[bool | None]:
        """The changes."""
        return [state.up for state in self.changes]


class SipTest(HealthCase):
    """Counting."""

    def test_checked_at_once(self) -> None:
        """The first check is made at once, as one that somebody waits for, and is up after ``rise`` of them."""
        health = self.health()
        assert health.state == IvrHealthState(None, None, "not checked yet")
        run(self.clock, 0.1)
        assert [(uri, urgent) for _, uri, urgent in self.probed.begun] == [("sip:ivr@127.0.0.1:5060", True)]
        assert health.state is not None
        assert (health.state.up, health.state.reason) == (None, "answered 200 OK (1 of 2 in a row)")
        run(self.clock, 1.1)
        assert (health.state.up, health.state.reason, health.state.latency) == (True, "answered 200 OK", 0.004)
        assert self.told() == [True]

    def test_down_and_back(self) -> None:
        """Down after ``fall`` bad checks, back by itself after ``rise`` good ones; each is told once."""
        self.health()
        run(self.clock, 10.0)
        self.probed.behave = lambda _: BUSY
        run(self.clock, 20.0)
        assert self.told() == [True, False]
        assert self.changes[-1].reason == "answered 503 Service Unavailable"
        self.probed.behave = lambda _: GOOD
        run(self.clock, 20.0)
        assert self.told() == [True, False, True]
        assert self.changes[-1].since == self.changes[-1].checked_at

    def test_flapping(self) -> None:
        """Single bad checks change nothing."""
        health = self.health()
        run(self.clock, 10.0)
        for outcome in (REFUSED, GOOD, REFUSED, GOOD) * 5:
            self.probed.behave = lambda _, outcome=outcome: outcome
            run(self.clock, 1.0)
        assert self.told() == [True]
        assert health.state is not None

    def test_silent_in_time(self) -> None:
        """One that falls silent is down within ``fall`` times (interval + timeout)."""
        self.health()
        run(self.clock, 10.0)
        self.probed.behave = lambda _: None
        run(self.clock, 3 * 5.5)
        assert self.told() == [True, False]

    def test_unknown(self) -> None:
        """When it cannot be checked any more nobody knows, which is not down."""
        self.health()
        run(self.clock, 10.0)
        self.probed.behave = lambda _: UNRESOLVED
        run(self.clock, 20.0)
        assert self.told() == [True, None]

    def test_not_configured(self) -> None:
        """Without a check there is no state."""
        health = self.health(None)
        run(self.clock, 10.0)
        assert (health.state, self.probed.begun, self.changes) == (None, [], [])

    def test_unusable(self) -> None:
        """A check that cannot be made never says down."""
        health = self.health(Health(check="sip:ivr@127.0.0.1;transport=ws"))
        run(self.clock, 60.0)
        assert health.state is not None
        assert health.state.up is None
        assert "transport" in health.state.reason
        assert self.told() == []


class ReloadTest(HealthCase):
    """New settings."""

    def test_same_check(self) -> None:
        """What is known of the same IVR is kept, and counts go on by the new settings."""
        health = self.health()
        run(self.clock, 10.0)
        before = health.state
        health.reload(evolve(SIP, interval=1.0, timeout=0.2, fall=1))
        assert health.state == before
        self.probed.behave = lambda _: None
        run(self.clock, 1.25)
        assert self.told() == [True, False]
        assert self.probed.questions[-1].timeout == 0.2

    def test_other_check(self) -> None:
        """Of another one nothing is known yet, which is told."""
        health = self.health()
        run(self.clock, 10.0)
        self.probed.begun.clear()
        health.reload(evolve(SIP, check="sip:ivr2@127.0.0.1"))
        assert (self.told(), self.changes[-1].reason) == ([True, None], "another check was configured")
        run(self.clock, 10.0)
        assert {uri for _, uri, _ in self.probed.begun} == {"sip:ivr2@127.0.0.1"}
        assert self.told() == [True, None, True]

    def test_taken_away(self) -> None:
        """Without a check any more nobody knows, so that no channel stays not ready because of it."""
        health = self.health()
        self.probed.behave = lambda _: REFUSED
        run(self.clock, 20.0)
        health.reload(None)
        assert self.told() == [False, None]
        assert health.state is None
        assert self.clock.getDelayedCalls() == []

    def test_added(self) -> None:
        """A check that is added begins at once."""
        health = self.health(None)
        health.reload(SIP)
        run(self.clock, 5.0)
        assert self.told() == [True]

    def test_before_the_start(self) -> None:
        """New settings before the start are those that it begins with."""
        health = IvrHealth(
            self.clock, self.probed.probe, None, jitter=lambda low, _: low, tls=TlsSettings.from_files, on_change=print
        )
        health.reload(SIP)
        assert (self.probed.begun, health.state) == ([], None)


class TcpTest(HealthCase):
    """Another kind of check."""

    def setUp(self) -> None:
        """A reactor in memory."""
        super().setUp()
        self.clock = MemoryReactorClock()

    def test_tcp(self) -> None:
        """A TCP check connects, and does not need the prober."""
        health = self.health(TCP)
        self.clock.advance(0.0)
        assert [(host, port) for host, port, *_ in self.clock.tcpClients] == [("127.0.0.1", 5060)]
        run(self.clock, 2.0)
        assert health.state is not None
        assert "did not accept the connection within 0.5 s (" in health.state.reason
        assert self.probed.begun == []
