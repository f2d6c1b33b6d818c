"""The words of the trade as frozen values.

Everything that the parts of the program tell each other about Contact Expert (CE) is said in these words; they are
those of the reference contract (``ce/profiles/reference``), and a site profile translates a site's words into them.
Times that leave the program are aware ``datetime`` values; times inside are seconds of a monotonic clock.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from attrs import field, frozen


class Role(Enum):
    """What a CE Core Host does in its domain, by its own newest word."""

    ACTIVE = "Active"
    STANDBY = "Standby"
    UNKNOWN = "Unknown"
    """It has not answered, or its newest question failed."""


class Rank(Enum):
    """What a CE Core Host was installed as; says nothing about its role."""

    PRIMARY = "Primary"
    SECONDARY = "Secondary"


class DomainState(Enum):
    """The state of a domain as one of its hosts sees it."""

    RUNNING = "Running"
    STARTING = "Starting"
    FAILING_OVER = "FailingOver"
    FAILING_BACK = "FailingBack"
    EMERGENCY = "Emergency"
    STOPPING = "Stopping"


class ChannelState(Enum):
    """The state of an IVR channel as CE reports it."""

    NOT_READY = "NotReady"
    READY = "Ready"
    BUSY = "Busy"
    WRAPUP = "Wrapup"
    UNKNOWN = "unknown"
    """CE has not been asked since the last sign-on, or the profile cannot tell."""

    @property
    def in_call(self) -> bool:
        """Whether CE holds a call on the channel."""
        return self in (ChannelState.BUSY, ChannelState.WRAPUP)


class Meaning(Enum):
    """What an answer of the IVR Connector means, whatever words a site has for it (profile.toml, ``outcomes``)."""

    CONFIRMED = "confirmed"
    DUPLICATE = "duplicate"
    NOT_ACTIVE = "not-active"
    UNKNOWN_SESSION = "unknown-session"
    SESSION_ALREADY_OPEN = "session-already-open"
    CHANNEL_HELD = "channel-held"
    UNKNOWN_CHANNEL = "unknown-channel"
    UNKNOWN_IVR = "unknown-ivr"
    RETRY = "retry"
    REFUSED = "refused"


@frozen
class ServerStatus:
    """One answer of a Component Service: who this host is and what it does.

    Attributes:
        domain: the domain's name, None where the profile has none.
        server_name: the host's name in CE, None where the profile has none.
        generation: rises at every change of role in the domain, None where the profile has none.
        since: since when the role is what it is, None where the profile has none.
        connector_url: this host's own IVR Connector, None where the component link does not name it.
        active_server: the host that this one believes active.
    """

    role: Role
    state: DomainState = DomainState.RUNNING
    domain: str | None = None
    server_name: str | None = None
    rank: Rank | None = None
    generation: int | None = None
    since: datetime | None = None
    connector_url: str | None = None
    active_server: str | None = None


@frozen
class ChannelReport:
    """What CE believes of one channel."""

    channel: str
    state: ChannelState
    call_id: str | None = None


@frozen
class ReadinessChange:
    """What CE is asked to believe of one channel."""

    channel: str
    ready: bool
    reason: str | None = None


@frozen
class OpenSession:
    """The request that signs the IVR and its channels on."""

    ivr: str
    instance_id: str
    channels: tuple[str, ...]


@frozen
class SetReadiness:
    """The request that makes channels ready or not ready."""

    session_id: str
    changes: tuple[ReadinessChange, ...]


@frozen
class Heartbeat:
    """The request that keeps the session, and asks the host's role."""

    session_id: str


@frozen
class CloseSession:
    """The request that signs off."""

    session_id: str
    reason: str | None = None


@frozen
class NewCall:
    """A call signal: a call began on a channel.

    Attributes:
        parameters: what the IVR gave that no duty maps, as the codec wants it; it is carried through.
    """

    signal_id: str
    ivr: str
    channel: str
    call_id: str
    started_at: datetime
    caller: str | None = None
    called: str | None = None
    parameters: str = ""


@frozen
class Gone:
    """A call signal: the call has ended and the IVR has finished its work.

    Attributes:
        call_token: what CE answered to the call's NewCall, where the profile has such a thing.
        parameters: as of a NewCall.
    """

    signal_id: str
    ivr: str
    channel: str
    call_id: str
    ended_at: datetime
    outcome: str | None = None
    call_token: str | None = None
    parameters: str = ""


class Fate(Enum):
    """What has become of a call signal."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    """By CE, for good."""
    EXPIRED = "expired"
    """A NewCall that CE could not be told of within ``new_call_max_age``."""
    DISCARDED = "discarded"
    """By an operator, or since nobody needs it any more."""


CallSignal = NewCall | Gone
Request = OpenSession | SetReadiness | Heartbeat | CloseSession | NewCall | Gone


@frozen
class Reply:
    """What an exchange with the IVR Connector came to, in our words.

    Every duty has the same value; a field that the duty's reply does not carry is left at its default.

    Attributes:
        meaning: CONFIRMED or DUPLICATE are good answers, everything else a fault that CE gave on purpose.
        message: CE's own words about a fault, bounded, for people.
        session_id: OpenSession.
        server_name: OpenSession; the host that answered.
        generation: OpenSession and Heartbeat.
        role: Heartbeat; UNKNOWN where it is not said.
        session_timeout: OpenSession; seconds of silence after which CE forgets the session.
        reports: OpenSession, SetReadiness; of NewCall and Gone the one state they answer.
        call_token: NewCall, where the profile has one.
        active_server: NotActive; the host that the answering one believes active.
        channels: UnknownChannel; every channel that CE does not know.
        call_id: ChannelHeld; the call that CE holds there.
        placed: whether the profile names this answer; False of a fault that no outcome matches.
    """

    meaning: Meaning
    message: str = ""
    session_id: str | None = None
    server_name: str | None = None
    generation: int | None = None
    role: Role = Role.UNKNOWN
    session_timeout: float | None = None
    reports: tuple[ChannelReport, ...] = ()
    call_token: str | None = None
    active_server: str | None = None
    channels: tuple[str, ...] = ()
    call_id: str | None = None
    placed: bool = True

    @property
    def good(self) -> bool:
        """Whether CE did what was asked."""
        return self.meaning in (Meaning.CONFIRMED, Meaning.DUPLICATE)


@frozen
class Secret:
    """A text that is never shown: not in logs, tracebacks, ``config show`` or a support bundle."""

    value: str = field(repr=lambda _: "***")

    def __str__(self) -> str:
        return "***"
