"""What is said on an open session, one request at a time: heartbeats, readiness, a new list of channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from math import ceil, inf

from attrs import define, field

from agentchan.core.channels import Channels
from agentchan.core.pulse import Ask, InFlight, Pulse, Said
from agentchan.core.session_values import Abilities, Note, Reports, Step, Timings
from agentchan.vocabulary import (
    ChannelReport,
    Heartbeat,
    Meaning,
    OpenSession,
    ReadinessChange,
    Reply,
    Role,
    SetReadiness,
)

AGAIN = 300.0
"""Seconds after which channels that CE did not know, and what it refused, are tried again."""

PACE = 0.1
"""Seconds: with a ``ready_rate``, channels are made ready in portions of about this long."""

NAMED = 5
"""So many channels are named in a note; of more, the number says enough."""


class Turn(Enum):
    """How a session goes on after a reply."""

    ON = "the session goes on"
    NOT_ACTIVE = "the host is not active"
    NEW_GENERATION = "the host is active in another generation"
    LOST = "the host does not know the session"
    ANEW = "the host has opened a new session"


@define
class Conversation:
    """One open session on one connection.

    Attributes:
        generation: by the reply to OpenSession, where that says one.
        meant: the generation in which the host was believed active when it was asked.
        pulse: what is out, and whether CE lives.
        patience: a deadline in seconds, doubled for each time that a step ran into it.
        restored_at: when CE had been told all readiness and had answered; None before.
        news: what others should know, to be taken by the caller.
    """

    ivr: str
    instance_id: str
    host: str
    generation: int | None
    meant: int | None
    session_id: str
    pulse: Pulse
    began_at: float
    timings: Timings
    abilities: Abilities
    channels: Channels
    patience: Callable[[float, Step], float]
    news: list[Note | Reports] = field(factory=list)
    restored_at: float | None = None
    _heartbeat_at: float = field(init=False)
    _heartbeat_refused: bool = False
    _unknown_again_at: float = field(init=False)
    _list_at: float = -inf
    _ready_at: float = field(init=False)
    _readiness_at: float = -inf
    _slice: int = field(init=False)
    _just_reported: bool = False
    _reloaded: bool = False

    def __attrs_post_init__(self) -> None:
        self._ready_at = self.began_at
        self._slice = self.abilities.slice
        self._heartbeat_at = self.began_at + self.pulse.interval
        # Channels that CE did not know last time are tried again as soon as the others are ready.
        self._unknown_again_at = self.began_at if self.channels.unknown() else inf

    def retimed(self, timings: Timings, now: float) -> None:
        """Use other durations; what CE refused is tried again at once, since people may have mended it."""
        self.timings = timings
        self.pulse.retimed(timings)
        self._heartbeat_at = min(self._heartbeat_at, now + self.pulse.interval)
        self._list_at = -inf
        self._reloaded = self.pulse.in_flight is not None

    def deadline(self, now: float) -> float:
        """When something is to be done next (monotonic seconds)."""
        if self.pulse.in_flight is not None:
            return self.pulse.due(now)
        times = [self._heartbeat_at if self.abilities.beating else inf]
        if not self.restored:
            times.append(max(self._readiness_at, self._ready_at))
        elif self.restored_at is None:
            times.append(self.began_at)
        else:
            times.append(self._unknown_again_at)
        if self.channels.list_changed:
            times.append(self._list_at)
        if self.abilities.set_readiness:
            times.append(max(self._readiness_at, self.channels.told_again_at))
        return min(times)

    @property
    def restored(self) -> bool:
        """Whether CE has been told all that it can be told of readiness."""
        return self.channels.restored or not self.abilities.set_readiness

    # Requests.

    def opened(self, reports: Sequence[ChannelReport], names: tuple[str, ...], now: float, asked_at: float) -> None:
        """The session has begun, with what CE reports of these channels."""
        self._tell_reports(self.channels.signed_on(reports, names, now), asked_at)
        self._just_reported = True

    def next_request(self, now: float) -> Said | None:
        """What to send now, None for nothing; it counts as sent."""
        if self.pulse.in_flight is not None:
            return None
        if self._just_reported:
            # Those who compare the reports with what they know may hold channels back first.
            self._just_reported = False
            return None
        if self.restored and self.restored_at is None:
            self.restored_at = now
        if self.abilities.beating and now >= self._heartbeat_at:
            self._heartbeat_at = now + self.pulse.interval
            return self.pulse.sent(Heartbeat(self.session_id) if self.abilities.heartbeat else Ask(), now)
        return self._next_readiness(now) or self._next_list(now)

    def _next_readiness(self, now: float) -> Said | None:
        if not self.abilities.set_readiness or now < self._readiness_at:
            return None
        self.channels.say_again(now)
        rate = self.timings.ready_rate
        changes = self.channels.next_changes(self._slice, self._ready_limit(now))
        if not changes:
            return None
        self.channels.asked(changes)
        if rate:
            made_ready = sum(change.ready for change in changes)
            self._ready_at = max(self._ready_at, now - PACE) + made_ready / rate
        return self._sent(SetReadiness(self.session_id, changes), now, Step.READINESS)

    def _ready_limit(self, now: float) -> int:
        rate = self.timings.ready_rate
        if not rate:
            return self._slice
        return max(1, ceil(rate * PACE)) if now >= self._ready_at else 0

    def _next_list(self, now: float) -> Said | None:
        if now >= self._unknown_again_at and self.restored:
            self._unknown_again_at = inf
            self.channels.include_all()
        if not self.channels.list_changed or now < self._list_at:
            return None
        names = self.channels.known()
        if not self.abilities.open_session:
            self.channels.extended((), names, now)
            return self._next_readiness(now)
        if not names:
            self._list_at = self._unknown_again_at
            return None
        self.channels.opening()
        return self._sent(OpenSession(self.ivr, self.instance_id, names), now, Step.SIGN_ON)

    def _sent(self, request: Said, now: float, step: Step) -> Said:
        return self.pulse.sent(request, now, now + self.patience(self.timings.reply, step), step)

    # Replies.

    def replied(self, reply: Reply, now: float) -> Turn:
        """Take the reply to the request in flight."""
        waiting = self.pulse.answered(now)
        reloaded, self._reloaded = self._reloaded, False
        if reply.meaning is Meaning.NOT_ACTIVE:
            return Turn.NOT_ACTIVE
        if reply.meaning in (Meaning.UNKNOWN_SESSION, Meaning.SESSION_ALREADY_OPEN):
            return Turn.LOST
        match waiting:
            case InFlight(request=Heartbeat()):
                return self._heartbeat_answered(reply)
            case InFlight(request=SetReadiness(changes=changes), sent_at=sent_at):
                self._readiness_answered(changes, reply, now, sent_at)
            case InFlight(request=OpenSession(channels=names), sent_at=sent_at):
                turn = self._list_answered(names, reply, now, sent_at)
                if reloaded:
                    # What it refuses may have been mended before the reload, and after it was asked.
                    self._list_at, self._unknown_again_at = -inf, now
                return turn
        return Turn.ON

    def _heartbeat_answered(self, reply: Reply) -> Turn:
        refused_before, self._heartbeat_refused = self._heartbeat_refused, not reply.good
        if not reply.good:
            if not refused_before:
                self._note("heartbeat-refused", f"{self.host} answers heartbeats with: {reply.message}")
            return Turn.ON
        if reply.role is Role.STANDBY:
            return Turn.NOT_ACTIVE
        if reply.generation is not None and self.generation is not None and reply.generation != self.generation:
            return Turn.NEW_GENERATION
        return Turn.ON

    def _readiness_answered(
        self, changes: tuple[ReadinessChange, ...], reply: Reply, now: float, asked_at: float
    ) -> None:
        pause = self.timings.backoff.maximum
        if reply.good:
            self._slice = min(self.abilities.slice, 2 * self._slice)
            clear, stubborn = self.channels.answered(changes, reply.reports, now, now + pause)
            self._tell_reports(clear, asked_at)
            if stubborn:
                text = f"{self.host} did not take the readiness of {listed(stubborn)}; said again in {pause:g} s"
                self._note("readiness-not-taken", text, alarm=True)
            return
        self.channels.not_said(changes)
        if reply.meaning is Meaning.UNKNOWN_CHANNEL and self._exclude(reply, now):
            return
        if reply.meaning is Meaning.RETRY:
            self._readiness_at = now + pause
            self._note("readiness-put-off", f"{self.host} answered: {reply.message}")
        elif len(changes) > 1:
            # One bad change must not keep the others out: halve until it stands alone.
            self._slice = len(changes) // 2
        else:
            self._slice = 1
            self.channels.put_off(changes[0], now + AGAIN)
            text = f"{self.host} refused the readiness of {changes[0].channel}: {reply.message}"
            self._note("readiness-refused", text, alarm=True)

    def _list_answered(self, names: tuple[str, ...], reply: Reply, now: float, asked_at: float) -> Turn:
        if reply.good:
            if reply.session_id is not None and reply.session_id != self.session_id:
                return Turn.ANEW
            self._tell_reports(self.channels.extended(reply.reports, names, now), asked_at)
            self._just_reported = True
        elif reply.meaning is Meaning.UNKNOWN_CHANNEL and self._exclude(reply, now):
            self.channels.compare_list()
        elif reply.meaning is Meaning.RETRY:
            self._list_at = now + self.timings.backoff.maximum
            self._note("list-put-off", f"{self.host} answered to the new list of channels: {reply.message}")
        else:
            self._list_at = now + AGAIN
            self._note("list-refused", f"{self.host} refused the new list of channels: {reply.message}", alarm=True)
        return Turn.ON

    def _exclude(self, reply: Reply, now: float) -> bool:
        """Take out the channels that CE named as unknown; False if it named none of ours."""
        taken = self.channels.exclude(reply.channels)
        if taken:
            self._unknown_again_at = min(self._unknown_again_at, now + AGAIN)
            text = f"{self.host} does not know {listed(taken)}: left out, tried again later; check CE's administration"
            self._note("channel-unknown", text, alarm=True)
        return bool(taken)

    def _tell_reports(self, reports: tuple[ChannelReport, ...], asked_at: float) -> None:
        if reports:
            self.news.append(Reports(reports, asked_at))

    def _note(self, event: str, text: str, *, alarm: bool = False) -> None:
        self.news.append(Note(event, text, alarm))


def listed(names: Sequence[str]) -> str:
    """A few names, or the first few and how many more."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
