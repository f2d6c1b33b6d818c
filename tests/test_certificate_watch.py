"""Certificates whose end is near: told of in time, and not too often."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from agentchan.certificate_watch import LOOK_EVERY, CertificateWatch, not_after
from tests.ce.certificates import issue

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class Reactor(Clock):
    """A clock that runs what is meant for a thread at once."""

    def getThreadPool(self) -> Any:  # noqa: N802 - Twisted's name
        """Itself."""
        return self

    def callInThreadWithCallback(self, done: Any, work: Any, *arguments: Any, **more: Any) -> None:  # noqa: N802 - Twisted's name
        """At once."""
        done(True, work(*arguments, **more))

    def callFromThread(self, work: Any, *arguments: Any) -> None:  # noqa: N802 - Twisted's name
        """At once."""
        work(*arguments)


class WatchTests(SynchronousTestCase):
    """One watch, with time in the test's hands."""

    def setUp(self) -> None:
        """No certificate is known yet."""
        self.reactor = Reactor()
        self.known: dict[str, datetime | None] = {}
        self.file: Path | None = None
        self.told: list[dict[str, Any]] = []
        self.seen: dict[str, datetime | None] = {}
        self.watch = CertificateWatch(
            self.reactor,
            lambda: NOW.timestamp() + self.reactor.seconds(),
            known=lambda: self.known,
            file=lambda: self.file,
            tell=lambda event, **fields: self.told.append({"event": event, **fields}),
            on_seen=self.seen.__setitem__,
        )
        self.addCleanup(self.watch.stop)

    def hours(self, number: int) -> None:
        """Hours go by."""
        for _ in range(number):
            self.reactor.advance(LOOK_EVERY)

    def test_all_is_well(self) -> None:
        """Everything is seen, nothing is told."""
        self.known = {"client": NOW + 31 * DAY, "ivr-connector": None}
        self.watch.start()
        assert self.told == []
        assert self.seen == {"client": NOW + 31 * DAY, "ivr-connector": None, "api": None}

    def test_the_end_comes_near(self) -> None:
        """It is told once a day, from 30 days before on, and after it, too."""
        self.known = {"client": NOW + 30 * DAY + timedelta(hours=2)}
        self.watch.start()
        assert self.told == []
        self.hours(2)
        (told,) = self.told
        assert told["event"] == "certificate-expiring"
        assert (told["level"], told["certificate"], told["days"]) == ("warning", "client", 30)
        assert told["not_after"] == "2026-12-24T14:00:00.000Z"
        assert "that we show to CE ([tls] certificate_file) expires on 2026-12-24 14:00 UTC, in 30 days" in told["text"]
        assert "agentchan reload" in told["text"]
        self.hours(23)
        assert len(self.told) == 1
        self.hours(1)
        assert len(self.told) == 2
        self.hours(24 * 31)
        assert "expired on 2026-12-24 14:00 UTC;" in self.told[-1]["text"]

    def test_each_certificate_for_itself(self) -> None:
        """One that is told of keeps no other from being told; whose it is, says who has to renew it."""
        self.known = {"client": NOW + DAY}
        self.watch.start()
        self.known["ivr-connector"] = NOW + DAY
        self.hours(1)
        assert [each["certificate"] for each in self.told] == ["client", "ivr-connector"]
        assert "CE's people have to renew it there" in self.told[1]["text"]
        assert list(self.watch.near) == ["client", "ivr-connector"]

    def test_a_certificate_is_renewed(self) -> None:
        """What is said of it ends with the next look."""
        self.known = {"client": NOW + DAY}
        self.watch.start()
        assert "expires on" in self.watch.near["client"]
        self.known["client"] = NOW + 365 * DAY
        self.watch.look()
        assert self.watch.near == {}

    def test_our_own_door(self) -> None:
        """Its certificate is read at each look, since a reload may have renewed it."""
        with tempfile.TemporaryDirectory() as folder:
            soon = issue("api", "localhost", not_after=NOW + 3 * DAY)
            self.file, _ = soon.store(Path(folder), "api")
            self.watch.start()
            assert self.seen["api"] == NOW + 3 * DAY
            issue("api", "localhost", not_after=NOW + 300 * DAY).store(Path(folder), "api")
            self.hours(30)
        assert self.seen["api"] == NOW + 300 * DAY
        assert len(self.told) == 1
        self.file = None
        self.hours(1)
        assert self.seen["api"] is None

    def test_a_file_that_cannot_be_read(self) -> None:
        """Is no end: the door would not have opened with it, and config check tells."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.pem"
            assert not_after(path) is None
            path.write_text("nonsense")
            assert not_after(path) is None
