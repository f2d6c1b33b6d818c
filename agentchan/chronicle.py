"""What is told and written down of what happens: to the log, to those who follow the events, and to the journal.

One place, so that each kind of event has one name everywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from agentchan.api.events import EventFeed
from agentchan.core.failover import Failover
from agentchan.core.observations import Answered, Failed, Mark
from agentchan.core.session_values import Note, Restored, Shown, SignOffDone, SignOn
from agentchan.core.verdict import Kind, Verdict
from agentchan.following import describe
from agentchan.journal.errors import JournalError
from agentchan.journal.writes import FailoverHappened, MarkFallen, MarkRaised, Write
from agentchan.wishes import Recording

log = structlog.get_logger("agentchan.daemon")
_LOGGER = logging.getLogger("agentchan.daemon")


class Chronicle:
    """Tells and writes down.

    Attributes:
        alarms: the newest note of each kind that somebody must look at, with its time (monotonic seconds). Those about
            a session, or about why there is none, go when the next one is open; which of the others are over tells
            :mod:`agentchan.alarms`.

    Args:
        wall: the time of day, seconds since the epoch.
        monotonic: seconds.
    """

    def __init__(
        self, journal: Recording, feed: EventFeed, wall: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self.alarms: dict[str, tuple[Note, float]] = {}
        self._journal = journal
        self._feed = feed
        self._wall = wall
        self._monotonic = monotonic
        self._marks: dict[str | None, Mark] = {}
        self._fallen_from: dict[str | None, int] = {}
        self._state = ""
        self._seen: dict[str, dict[str, Any]] = {}

    def remember(self, marks: Sequence[Mark]) -> None:
        """These marks are on disk already."""
        self._marks = {mark.domain: mark for mark in marks}

    def happened(self, event: str, *, level: str = "info", **fields: Any) -> None:
        """Tell of an event."""
        # Each call signal tells two that hardly anybody logs, and to find that out costs more than the rest of it.
        if level != "debug" or _LOGGER.isEnabledFor(logging.DEBUG):
            getattr(log, level)(event, **fields)
        self._feed.publish(event, **fields)

    # What the component link sees.

    def observed(self, observation: Answered | Failed) -> None:
        """Tell when a host's answer says something else than its last one, or when it begins or ceases to answer."""
        if isinstance(observation, Answered):
            status = observation.status
            seen: dict[str, Any] = {
                "answers": True,
                "host": status.server_name,
                "role": status.role.value,
                "state": status.state.value,
                "generation": status.generation,
            }
        else:
            seen = {"answers": False}
        if self._seen.get(observation.url) != seen:
            self._seen[observation.url] = seen
            reason = {"reason": observation.reason} if isinstance(observation, Failed) else {}
            self.happened("host", url=observation.url, **seen, **reason)

    # The signs of following.

    def marked(self, marks: tuple[Mark, ...], home: str | None) -> None:
        """Write down the marks that have changed; the newest is that of the last sign-on's domain."""
        now = datetime.fromtimestamp(self._wall(), UTC)
        before, self._marks = self._marks, {mark.domain: mark for mark in marks}
        self._see_fallen(before)
        writes: list[Write] = [MarkFallen(domain) for domain in before if domain not in self._marks]
        risen = [mark for mark in marks if before.get(mark.domain) != mark]
        risen.sort(key=lambda mark: mark.domain == home)
        writes += [MarkRaised(mark.domain, mark.generation, mark.host, now) for mark in risen]
        if writes:
            self.keep(writes)

    def _see_fallen(self, before: Mapping[str | None, Mark]) -> None:
        """That marks have fallen is over when all are as high again as they were."""
        heights = {domain: mark.generation for domain, mark in self._marks.items()}
        for domain, mark in before.items():
            if heights.get(domain, -1) < mark.generation:
                self._fallen_from[domain] = max(mark.generation, self._fallen_from.get(domain, -1))
        self._fallen_from = {
            domain: height for domain, height in self._fallen_from.items() if heights.get(domain, -1) < height
        }
        if not self._fallen_from:
            self.alarms.pop("mark-fallen", None)

    def judged(self, before: Verdict, now: Verdict) -> None:
        """Tell that another host is followed, or none, or again one."""
        level = "info" if now.kind in (Kind.FOLLOWING, Kind.PINNED) else "warning"
        self.happened(
            "active-host-changed" if before.host != now.host else "verdict-changed",
            level=level,
            verdict=now.kind.value,
            active=now.host,
            before=before.host,
            generation=now.generation,
            reason=describe(now),
        )

    def signed_on(self, sign_on: SignOn) -> None:
        """Tell of a sign-on; what was wrong with the session before is over."""
        self.alarms = {name: alarm for name, alarm in self.alarms.items() if name in _LASTING}
        self.happened("signed-on", host=sign_on.host, generation=sign_on.generation, connection=sign_on.connection)

    def signed_off(self, done: SignOffDone) -> None:
        """Tell of its end."""
        self.happened("signed-off", level="warning", host=done.host, cause=done.cause)

    def restored(self, restored: Restored) -> None:
        """Tell that CE knows all readiness."""
        self.happened("readiness-restored", host=restored.host)

    def alarmed(self, note: Note) -> None:
        """Tell of what the session noticed."""
        if note.alarm:
            self.alarms[note.event] = (note, self._monotonic())
        self.happened(note.event, level="warning" if note.alarm else "info", text=note.text)

    def failed_over(self, failover: Failover) -> None:
        """Tell what a failover cost, and keep it."""
        phases = {
            name: round(getattr(failover, name) * 1000, 3)
            for name in ("detect", "discover", "sign_on", "restore", "drain_outbox", "total")
        }
        self.happened(
            "failover",
            level="warning",
            **{"from": failover.from_host, "to": failover.to_host},
            cause=failover.cause,
            generation=failover.generation,
            **phases,
        )
        self.keep(
            [
                FailoverHappened(
                    at=datetime.fromtimestamp(self._wall() + failover.ended_at - self._monotonic(), UTC),
                    from_host=failover.from_host,
                    to_host=failover.to_host,
                    cause=failover.cause,
                    generation=failover.generation,
                    detect=failover.detect,
                    discover=failover.discover,
                    sign_on=failover.sign_on,
                    restore=failover.restore,
                    drain_outbox=failover.drain_outbox,
                    total=failover.total,
                )
            ]
        )

    def shown(self, shown: Shown) -> None:
        """Tell that the agent channel's state has changed, if it has."""
        if shown.state.value != self._state:
            self._state = shown.state.value
            self.happened("agent-channel", level="debug", state=self._state, host=shown.host, error=shown.error)

    def keep(self, writes: Sequence[Write]) -> Deferred[None]:
        """Write down what nobody waits for; a failure is the journal's own alarm."""
        return self._journal.record(writes).addErrback(_not_kept)


_LASTING = frozenset({"mark-fallen", "channel-unknown"})


def _not_kept(failure: Failure) -> None:
    failure.trap(JournalError)
    log.warning("not-written-down", reason=str(failure.value))
