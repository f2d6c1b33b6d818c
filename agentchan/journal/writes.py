"""What can be written to the journal: one frozen value per fact.

Several of them make a batch (:meth:`agentchan.journal.Journal.record`), which is kept as a whole or not at all. Times
are aware datetimes. A value that is said again for the same key replaces the old one.
"""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from agentchan.vocabulary import CallSignal, Fate


@frozen
class ReadinessWanted:
    """An operator wants a channel ready or not ready.

    Attributes:
        until: when the wish ends by itself; None: never.
        who: the operator, as far as the system knows.
    """

    channel: str
    ready: bool
    reason: str
    set_at: datetime
    until: datetime | None = None
    who: str = ""


@frozen
class ReadinessLifted:
    """Nobody wants anything of a channel by hand any more."""

    channel: str


@frozen
class MarkRaised:
    """A sign-on succeeded with a generation: nobody below it is followed in that domain any more.

    The domain of the newest one is where this IVR is at home. ``domain`` is None where the profile has none.
    """

    domain: str | None
    generation: int
    host: str
    at: datetime


@frozen
class MarkFallen:
    """The mark of a domain counts no longer."""

    domain: str | None


@frozen
class PinSet:
    """An operator's word that one host is to be followed; there is one pin at a time."""

    host: str
    reason: str
    set_at: datetime
    until: datetime | None = None
    who: str = ""


@frozen
class PinLifted:
    """No host is pinned any more."""


@frozen
class DrainBegun:
    """Every channel is to be not ready until resumed; there is one drain at a time.

    Attributes:
        until: when calls in progress are waited for no longer; None: without end.
    """

    since: datetime
    reason: str = ""
    until: datetime | None = None
    who: str = ""


@frozen
class DrainEnded:
    """The drain is over: resumed."""


@frozen
class FailoverHappened:
    """One move of the agent channel; the phases are seconds, None where one was not over.

    The phases are those of :class:`agentchan.core.failover.Failover`.
    """

    at: datetime
    from_host: str | None
    to_host: str
    cause: str
    generation: int | None = None
    detect: float | None = None
    discover: float | None = None
    sign_on: float | None = None
    restore: float | None = None
    drain_outbox: float | None = None
    total: float | None = None


@frozen
class EventHappened:
    """Something that ``events`` shows; the newest ten thousand are kept.

    Attributes:
        name: stable, lower-case-with-hyphens.
        fields: a JSON object as text.
    """

    at: datetime
    name: str
    fields: str = "{}"


FactWrite = (
    ReadinessWanted
    | ReadinessLifted
    | MarkRaised
    | MarkFallen
    | PinSet
    | PinLifted
    | DrainBegun
    | DrainEnded
    | FailoverHappened
    | EventHappened
)


@frozen
class SignalAccepted:
    """A call signal that is to reach CE; its fate is pending.

    Signals come back in the order in which they were recorded. Its SignalId must be new (else ``WriteRefused``).

    Attributes:
        accepted_at: when, by the wall clock, for people; its age is counted by the journal.
        repair: whether it mends a difference between CE and us, rather than being what the IVR said.
        who: who caused it, where that was not the IVR.
    """

    signal: CallSignal
    accepted_at: datetime
    repair: bool = False
    who: str = ""


@frozen
class SignalDropped:
    """A signal is taken out, to be written again in its place in the order (:class:`SignalRewritten`)."""

    signal_id: str


@frozen
class SignalRewritten:
    """A signal that this run has pending, for a journal that was replaced by a fresh one and may have lost it.

    Attributes:
        accepted_at: as of :class:`SignalAccepted`.
        age: seconds since then, as they were counted.
        attempts: how often it was sent.
    """

    signal: CallSignal
    accepted_at: datetime
    age: float
    repair: bool
    attempts: int
    fate: Fate = Fate.PENDING


@frozen
class SignalTried:
    """A signal was sent ``attempts`` times in all, and is not confirmed yet."""

    signal_id: str
    attempts: int
    at: datetime
    error: str | None = None


@frozen
class SignalSettled:
    """A signal has met its fate, or (``Fate.PENDING``) is wanted again after all.

    Attributes:
        attempts: how often it was sent in all.
        error: why, unless it was confirmed.
        host: who confirmed or refused it.
    """

    signal_id: str
    fate: Fate
    at: datetime
    attempts: int
    error: str | None = None
    host: str | None = None


@frozen
class CallUnheardOf:
    """Nothing is known of a call yet; if that is wrong nothing of the batch is kept (``WriteRefused``)."""

    channel: str
    call_id: str


@frozen
class CallOpened:
    """A call began on a channel; one that has ended already stays ended.

    Attributes:
        since: when that was accepted.
        signal_id: of its NewCall; None where that stays what it was.
    """

    channel: str
    call_id: str
    since: datetime
    signal_id: str | None = None


@frozen
class CallEnded:
    """A call has ended, whether its beginning was known or not.

    Attributes:
        signal_id: of its Gone; None where that stays what it was.
    """

    channel: str
    call_id: str
    at: datetime
    signal_id: str | None = None


@frozen
class CallTokenLearnt:
    """CE's answer to a call's NewCall had a token, which the call's Gone will need."""

    channel: str
    call_id: str
    token: str


SignalWrite = (
    SignalAccepted
    | SignalDropped
    | SignalRewritten
    | SignalTried
    | SignalSettled
    | CallUnheardOf
    | CallOpened
    | CallEnded
    | CallTokenLearnt
)
Write = FactWrite | SignalWrite
