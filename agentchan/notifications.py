"""Tells people of chosen events: runs commands and posts to webhooks (configuration, ``[[notify]]``).

It looks on and takes no part: nothing here can keep the reactor, or change what CE is told. So everything is bounded:
how many are told at once, how many wait, how often one is told, how long each way may take.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog
from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from agentchan.api.events import Event, EventFeed
from agentchan.ce.component_link import Dialing
from agentchan.config import Notify
from agentchan.notices import Notice, as_json, notice_of
from agentchan.notify_command import Command, CommandFailedError
from agentchan.notify_webhook import Post, PostFailedError, place_of

log = structlog.get_logger("agentchan.notifications")

AT_ONCE = 4
"""So many are told at the same time, each entry once."""

WAITING = 100
"""So many notices may wait; what comes then is dropped."""

QUIET = 60.0
"""Seconds after a notice in which others of the same name are only counted, by each entry; then the newest is told."""


@frozen
class Whoever:
    """Who tells.

    Attributes:
        ivr: the IVR's name in CE.
        instance_id: this daemon's.
    """

    ivr: str
    instance_id: str


class _Way(Protocol):
    """A notice on its way."""

    def give_up(self) -> None:
        """End it; its Deferred then fails."""


@define(eq=False)
class _Entry:
    """One entry, and what is to be told by it.

    Attributes:
        quiet: by name of notices: what ends the time in which others of that name are only counted.
        held: by name: the newest notice of those that were only counted, with their number.
        failing: why the newest notice did not arrive, None if it did.
    """

    settings: Notify
    quiet: dict[str, IDelayedCall] = field(factory=dict)
    held: dict[str, Notice] = field(factory=dict)
    failing: str | None = None

    @property
    def name(self) -> str:
        """As it is logged; of a webhook only where it is, since its path may be a secret."""
        if self.settings.command:
            return self.settings.command[0]
        return place_of(self.settings.url or "")


class Notifications:
    """All entries.

    Args:
        reactor: Twisted's.
        entries: of the configuration.
        feed: where events are published.
        dialer: connects to webhooks, with the daemon's TLS settings.
        who: who tells.
        mask_numbers: whether people's numbers are hidden.
        on_outcome: told the name of each notice and what became of it (``Metrics.notified``).
        environ: the daemon's environment.
    """

    def __init__(
        self,
        reactor: Any,
        entries: Sequence[Notify],
        feed: EventFeed,
        dialer: Dialing,
        *,
        who: Whoever,
        mask_numbers: bool,
        on_outcome: Callable[[str, str], None],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.mask_numbers = mask_numbers
        self._reactor = reactor
        self._feed = feed
        self._dialer = dialer
        self._who = who
        self._on_outcome = on_outcome
        self._environ = environ
        self._entries = [_Entry(each) for each in entries]
        self._waiting: deque[tuple[_Entry, Notice]] = deque()
        self._under_way: dict[_Entry, _Way] = {}
        self._dropped = 0
        self._threads: ThreadPool | None = None
        self._unlisten: Callable[[], None] | None = None
        self._stopped: Deferred[None] | None = None

    def start(self) -> None:
        """Listen to the events from now on."""
        self._unlisten = self._feed.listen(self._happened)

    def reload(self, entries: Sequence[Notify], *, mask_numbers: bool) -> None:
        """Use other entries from now on; what waits or is under way for an entry that is gone is finished."""
        self.mask_numbers = mask_numbers
        old = {entry.settings: entry for entry in self._entries}
        for settings in old.keys() - set(entries):
            self._tell_no_more(old[settings])
        self._entries = [old[settings] if settings in old else _Entry(settings) for settings in entries]

    def stop(self) -> Deferred[None]:
        """Tell nothing more, and give up what is under way; fires when nothing is left of it."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        self._waiting.clear()
        for entry in self._entries:
            self._tell_no_more(entry)
        if not self._under_way:
            return self._end()
        self._stopped = Deferred()
        stopped = self._stopped
        for way in tuple(self._under_way.values()):
            way.give_up()
        return stopped

    # What happens.

    def _happened(self, event: Event) -> None:
        """An event was published; whatever becomes of it here must not reach the one who published it."""
        try:
            notice = notice_of(event)
            for entry in self._entries if notice is not None else ():
                if notice is not None and notice.name in entry.settings.events:
                    self._tell(entry, notice)
        except Exception:
            log.exception("notification-broken", about=event.name)

    def _tell(self, entry: _Entry, notice: Notice) -> None:
        """Tell of it now, or count it if another of its name was told just now."""
        name = notice.name
        if name not in entry.quiet:
            self._be_quiet(entry, name)
            self._put(entry, notice)
            return
        before = entry.held.get(name)
        entry.held[name] = evolve(notice, repeats=0 if before is None else before.repeats + 1)
        if before is not None:
            self._on_outcome(name, "damped")

    def _be_quiet(self, entry: _Entry, name: str) -> None:
        entry.quiet[name] = self._reactor.callLater(QUIET, self._not_quiet_any_more, entry, name)

    def _not_quiet_any_more(self, entry: _Entry, name: str) -> None:
        del entry.quiet[name]
        held = entry.held.pop(name, None)
        if held is not None:
            self._be_quiet(entry, name)
            self._put(entry, held)

    def _tell_no_more(self, entry: _Entry) -> None:
        for timer in entry.quiet.values():
            timer.cancel()
        entry.quiet.clear()
        entry.held.clear()

    def _put(self, entry: _Entry, notice: Notice) -> None:
        if len(self._waiting) >= WAITING:
            self._dropped += 1
            self._on_outcome(notice.name, "dropped")
            if self._dropped == 1:
                log.warning("notifications-dropped", waiting=WAITING)
            return
        self._waiting.append((entry, notice))
        self._advance()

    def _advance(self) -> None:
        """Let those go whose turn it is."""
        while (turn := self._next()) is not None:
            self._waiting.remove(turn)
            self._go(*turn)
        if not self._waiting and self._dropped:
            log.warning("notifications-were-dropped", number=self._dropped)
            self._dropped = 0

    def _next(self) -> tuple[_Entry, Notice] | None:
        if len(self._under_way) >= AT_ONCE:
            return None
        return next((turn for turn in self._waiting if turn[0] not in self._under_way), None)

    def _go(self, entry: _Entry, notice: Notice) -> None:
        value = as_json(notice, ivr=self._who.ivr, instance_id=self._who.instance_id, mask_numbers=self.mask_numbers)
        octets = json.dumps(value, ensure_ascii=False).encode() + b"\n"
        told = self._run(entry, notice.name, octets) if entry.settings.command else self._post(entry, octets)
        told.addCallbacks(lambda _: self._arrived(entry, notice), lambda why: self._not_arrived(entry, notice, why))
        told.addBoth(lambda _: self._over(entry))

    def _run(self, entry: _Entry, name: str, octets: bytes) -> Deferred[None]:
        if self._threads is None:
            # Its own threads: a command that hangs must not keep those that look up names.
            self._threads = ThreadPool(0, AT_ONCE, "notifications")
            self._threads.start()
        command = Command(entry.settings.command, octets, entry.settings.timeout, self._environ, name)
        self._under_way[entry] = command
        return deferToThreadPool(self._reactor, self._threads, command.run)

    def _post(self, entry: _Entry, octets: bytes) -> Deferred[None]:
        settings = entry.settings
        post = Post(self._reactor, self._dialer, settings.url or "", octets, settings.timeout)
        self._under_way[entry] = post
        return post.begin()

    # What came of it.

    def _arrived(self, entry: _Entry, notice: Notice) -> None:
        log.debug("notified", by=entry.name, notify=notice.name)
        if entry.failing is not None:
            entry.failing = None
            log.info("notification-works-again", by=entry.name)
        self._on_outcome(notice.name, "delivered")

    def _not_arrived(self, entry: _Entry, notice: Notice, failure: Failure) -> None:
        reason = str(failure.value)
        if failure.check(CommandFailedError, PostFailedError) is None:
            log.error("notification-broken", by=entry.name, exc_info=failure.value)
        elif self._stopped is None and reason != entry.failing:
            log.warning("notification-failed", by=entry.name, notify=notice.name, reason=reason)
        entry.failing = reason
        self._on_outcome(notice.name, "failed")

    def _over(self, entry: _Entry) -> None:
        del self._under_way[entry]
        if self._stopped is not None:
            if not self._under_way:
                stopped, self._stopped = self._stopped, None
                self._end().chainDeferred(stopped)
        else:
            self._advance()

    def _end(self) -> Deferred[None]:
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.stop()
        return succeed(None)
