"""What goes into the outbox and what comes out of it, as values."""

from __future__ import annotations

from enum import Enum

from attrs import define, field, frozen

from agentchan.core.backoff import Backoff
from agentchan.core.session_values import Note
from agentchan.vocabulary import CallSignal, ChannelReport, Fate


@define(eq=False)
class Entry:
    """A signal on its way.

    Attributes:
        accepted_at: when it was accepted (monotonic seconds, of a time before this program began where need be).
        repair: whether it mends a difference between CE and us, rather than being what the IVR said.
        attempts: how often it was sent.
        faulted_at: since when CE has answered it with faults that the profile cannot place, None if it has not since
            the last sign-on.
        last_error: why it was not confirmed, the last time.
        fate: what has become of it.
        held: how often CE answered that the channel holds another call.
        refused_before: CE has refused it; it is not allowed to hold up its channel a second time.
        overtaken: another call was on its channel since it was refused.
        expires: whether it may become too old; not once somebody has wanted it again.
    """

    signal: CallSignal
    accepted_at: float
    repair: bool = False
    attempts: int = 0
    faulted_at: float | None = None
    last_error: str | None = None
    fate: Fate = Fate.PENDING
    held: int = 0
    refused_before: bool = False
    overtaken: bool = False
    expires: bool = True

    @property
    def id(self) -> str:
        """The SignalId."""
        return self.signal.signal_id


class Mending(Enum):
    """Why a mend is made; for a Gone it is the outcome that CE is told."""

    SUPERSEDED = "superseded"
    """CE holds a call that the IVR has replaced by another."""
    ENDED_HERE = "ended-here"
    """CE holds a call that has ended here."""
    UNKNOWN_CALL = "unknown-call"
    """CE holds a call that nobody here knows."""
    UNKNOWN_TO_CE = "unknown-to-ce"
    """A call in progress is not known to CE: its NewCall is made anew."""
    FREED = "freed"
    """An operator frees the channel."""


@frozen
class Decided:
    """Action: a signal has met its fate; to be written down."""

    entry: Entry
    call_token: str | None = None
    duplicate: bool = False


@frozen
class Tried:
    """Action: a signal was not confirmed; to be written down when it costs nothing."""

    entry: Entry


@frozen
class Mend:
    """Action: make a new signal, write it down, and tell the outbox (``mended``, ``not_mended``).

    Attributes:
        before: the id of the signal that waits for it, None if it goes last.
    """

    channel: str
    call_id: str
    why: Mending
    before: str | None = None


@frozen
class Reported:
    """Action: CE answered a signal that its channel is in this state."""

    report: ChannelReport


@frozen
class Denied:
    """Action: CE answered a signal that this host is not active."""

    active_server: str | None


@frozen
class ReportWanted:
    """Action: CE refused a NewCall and cannot say which call it holds: ask what it believes of the channel."""

    channel: str


@frozen
class Emptied:
    """Action: nothing of this channel is pending any more."""

    channel: str


OutboxAction = Decided | Tried | Mend | Reported | Denied | ReportWanted | Emptied | Note


@frozen
class Rules:
    """How signals are treated; durations in seconds (configuration, ``[signals]``).

    Attributes:
        gone_only: a call that ended before CE heard of it: only its Gone is sent.
        retry_guard: the pause of a channel after a lost reply; None where CE knows SignalIds.
        tells_held_call: whether the profile can say that a channel holds another call.
    """

    new_call_max_age: float = 86400.0
    refuse_after: float = 600.0
    backoff: Backoff = field(factory=lambda: Backoff(0.1, 5.0))
    gone_only: bool = False
    retry_guard: float | None = None
    tells_held_call: bool = True
