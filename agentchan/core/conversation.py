"""What is said on an open session, one request at a time: heartbeats, readiness, a new list of channels."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from math import ceil, inf

from attrs import define, field, frozen

from agentchan.core.attempts import Attempts
from agentchan.core.backoff import patient
from agentchan.core.channel import Channels
from agentchan.core.session_values import Abilities, Note, Step, Timings
from agentchan.vocabulary import Heartbeat, Meaning, OpenSession, ReadinessChange, Reply, Role, SetReadiness

SLICE = 500
"""Changes of readiness in one request at most: an HTTP/1.1 connection carries one request at a time, and heartbeats
must fit between (design, Agent channel)."""

UNKNOWN_CHANNELS_AGAIN = 300.0
"""Seconds after which channels that CE did not know, or whose change it refused, are tried again."""

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


@frozen
class Ask:
    """A probe: something harmless, asked where the profile has no heartbeat."""


Said = OpenSession | SetReadiness | Heartbeat | Ask


@frozen
class InFlight:
    """A request that has no reply yet; ``deadline`` is None for a heartbeat, which is judged by silence."""

    request: Said
    sent_at: float
    deadline: float | None = None
    step: Step | None = None


@define
class Conversation:
    """One open session on one connection.

    Attributes:
        session_timeout: seconds of silence after which the server forgets the session; None if it did not say.
        interval: seconds between heartbeats, no more than a third of ``session_timeout``.
        restored_at: when CE had been told all readiness and had answered; None before.
        notes: what people should be told, to be taken by the caller.
    """

    ivr: str
    instance_id: str
    host: str
    generation: int | None
    session_id: str
    session_timeout: float | None
    began_at: float
    timings: Timings
    abilities: Abilities
    channels: Channels
    attempts: Attempts
    in_flight: InFlight | None = None
    notes: list[Note] = field(factory=list)
    restored_at: float | None = None
    heard_at: float = field(init=False)
    interval: float = field(init=False)
    _heartbeat_at: float = field(init=False)
    _unknown_again_at: float = field(init=False)
    _ready_at: float = field(init=False)
    _readiness_at: float = -inf
    _slice: int = SLICE

    def __attrs_post_init__(self) -> None:
        third = self.session_timeout / 3 if self.session_timeout else inf
        self.interval = min(self.timings.heartbeat, third)
        self.heard_at = self._ready_at = self.began_at
        self._heartbeat_at = self.began_at + self.interval
        # Channels that CE did not know last time are tried again as soon as the others are ready.
        self._unknown_again_at = self.began_at if self.channels.unknown() else inf

    def misses(self, now: float) -> int:
        """How many intervals have gone by without any byte since the unanswered heartbeat went out."""
        if self.in_flight is None or self.in_flight.deadline is not None:
            return 0
        since = max(self.in_flight.sent_at, self.heard_at)
        # The same sums as in deadline(), so that a wake-up at its time always finds its miss.
        return sum(1 for miss in range(1, self.timings.misses + 1) if since + miss * self.interval <= now)

    def dead(self, now: float) -> str | None:
        """Why the connection counts as dead, None while it does not."""
        waiting = self.in_flight
        if waiting is None:
            return None
        if waiting.deadline is not None:
            late = f"no reply to {type(waiting.request).__name__} within {now - waiting.sent_at:.1f} s"
            return late if now >= waiting.deadline else None
        if self.misses(now) >= self.timings.misses:
            return f"{self.timings.misses} heartbeats missed, no sign of life for {now - self.heard_at:.1f} s"
        if now >= waiting.sent_at + self._whole_answer():
            return f"no whole answer to a heartbeat within {now - waiting.sent_at:.1f} s, though bytes came"
        return None

    def deadline(self, now: float) -> float:
        """When something is to be done next (monotonic seconds)."""
        waiting = self.in_flight
        if waiting is not None:
            if waiting.deadline is not None:
                return waiting.deadline
            since = max(waiting.sent_at, self.heard_at)
            return min(since + (self.misses(now) + 1) * self.interval, waiting.sent_at + self._whole_answer())
        times = [self._heartbeat_at if self._beating else inf]
        if self.restored:
            times.append(self._unknown_again_at)
        else:
            times.append(max(self._readiness_at, self._ready_at))
        if self.abilities.set_readiness:
            times.append(max(self._readiness_at, self.channels.told_again_at))
        return min(times)

    @property
    def restored(self) -> bool:
        """Whether CE has been told all that it can be told of readiness."""
        return self.channels.restored or not self.abilities.set_readiness

    def next_request(self, now: float) -> Said | None:
        """What to send now, None for nothing; it counts as sent."""
        if self.in_flight is not None:
            return None
        if self._beating and now >= self._heartbeat_at:
            self._heartbeat_at = now + self.interval
            return self._sent(Heartbeat(self.session_id) if self.abilities.heartbeat else Ask(), now)
        if self.abilities.set_readiness and now >= self._readiness_at:
            self.channels.say_again(now)
            changes = self.channels.next_changes(self._slice, self._ready_limit(now))
            if changes:
                self.channels.asked(changes)
                if self.timings.ready_rate:
                    made_ready = sum(change.ready for change in changes)
                    self._ready_at = max(self._ready_at, now - PACE) + made_ready / self.timings.ready_rate
                return self._sent(SetReadiness(self.session_id, changes), now, Step.READINESS)
        if self.restored and self.restored_at is None:
            self.restored_at = now
        if now >= self._unknown_again_at and self.restored:
            self._unknown_again_at = inf
            self.channels.include_all()
        if self.channels.list_changed and self.abilities.open_session and self.channels.known():
            return self._sent(OpenSession(self.ivr, self.instance_id, self.channels.known()), now, Step.SIGN_ON)
        return None

    def _sent(self, request: Said, now: float, step: Step | None = None) -> Said:
        deadline = None if step is None else now + patient(self.timings.reply, self.attempts.timeouts(step))
        self.in_flight = InFlight(request, now, deadline, step)
        return request

    def replied(self, reply: Reply, now: float) -> Turn:
        """Take the reply to the request in flight."""
        waiting, self.in_flight = self.in_flight, None
        self.heard_at = now
        if reply.meaning is Meaning.NOT_ACTIVE:
            return Turn.NOT_ACTIVE
        if reply.meaning in (Meaning.UNKNOWN_SESSION, Meaning.SESSION_ALREADY_OPEN):
            return Turn.LOST
        match waiting.request if waiting else None:
            case Heartbeat():
                return self._heartbeat_answered(reply)
            case SetReadiness(changes=changes):
                self._readiness_answered(changes, reply, now)
            case OpenSession(channels=names):
                return self._list_answered(names, reply, now)
        return Turn.ON

    def probed(self, now: float) -> None:
        """The probe got an answer, whatever it says: the host lives."""
        self.in_flight = None
        self.heard_at = now

    def _heartbeat_answered(self, reply: Reply) -> Turn:
        if not reply.good:
            self.notes.append(Note("heartbeat-refused", f"{self.host} answered a heartbeat with: {reply.message}"))
            return Turn.ON
        if reply.role is Role.STANDBY:
            return Turn.NOT_ACTIVE
        if reply.generation is not None and self.generation is not None and reply.generation != self.generation:
            return Turn.NEW_GENERATION
        return Turn.ON

    def _readiness_answered(self, changes: tuple[ReadinessChange, ...], reply: Reply, now: float) -> None:
        pause = self.timings.backoff.maximum
        if reply.good:
            self._slice = SLICE
            stubborn = self.channels.answered(changes, reply.reports, now, now + pause)
            if stubborn:
                text = f"{self.host} did not take the readiness of {listed(stubborn)}; said again in {pause:g} s"
                self.notes.append(Note("readiness-not-taken", text, alarm=True))
            return
        self.channels.not_said(changes)
        if reply.meaning is Meaning.UNKNOWN_CHANNEL and self._exclude(reply):
            return
        if reply.meaning is Meaning.RETRY:
            self._readiness_at = now + pause
            self.notes.append(Note("readiness-put-off", f"{self.host} answered: {reply.message}"))
        elif len(changes) > 1:
            # One bad change must not keep the others out: halve until it stands alone.
            self._slice = max(1, len(changes) // 2)
        else:
            self._slice = SLICE
            self.channels.asked(changes)
            self.channels.put_off(changes[0].channel, now + UNKNOWN_CHANNELS_AGAIN)
            text = f"{self.host} refused the readiness of {changes[0].channel}: {reply.message}"
            self.notes.append(Note("readiness-refused", text, alarm=True))

    def _list_answered(self, names: tuple[str, ...], reply: Reply, now: float) -> Turn:
        if reply.good:
            if reply.session_id is not None and reply.session_id != self.session_id:
                return Turn.ANEW
            self.channels.extended(reply.reports, names, now)
            return Turn.ON
        if not (reply.meaning is Meaning.UNKNOWN_CHANNEL and self._exclude(reply)):
            text = f"{self.host} refused the new list of channels: {reply.message}"
            self.notes.append(Note("list-refused", text, alarm=True))
            self.channels.list_changed = False
        self._unknown_again_at = now + UNKNOWN_CHANNELS_AGAIN
        return Turn.ON

    def _exclude(self, reply: Reply) -> bool:
        """Take out the channels that CE named as unknown; False if it named none of ours."""
        taken = self.channels.exclude(reply.channels)
        if taken:
            text = f"{self.host} does not know {listed(taken)}: left out, tried again later; check CE's administration"
            self.notes.append(Note("channel-unknown", text, alarm=True))
        self.channels.list_changed = self.channels.list_changed and bool(taken)
        return bool(taken)

    @property
    def _beating(self) -> bool:
        return self.abilities.heartbeat or self.abilities.probe

    def _whole_answer(self) -> float:
        """Seconds within which a heartbeat must be answered whole, however its bytes drip in."""
        return max(self.session_timeout or 0.0, self.interval * (self.timings.misses + 1))

    def _portion(self) -> int:
        return max(1, ceil(self.timings.ready_rate * PACE))

    def _ready_limit(self, now: float) -> int:
        if not self.timings.ready_rate:
            return SLICE
        return self._portion() if now >= self._ready_at else 0


def listed(names: Sequence[str]) -> str:
    """A few names, or the first few and how many more."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
