"""What goes into the agent channel's session and what comes out of it, as frozen values."""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen

from agentchan.core.backoff import Backoff
from agentchan.vocabulary import ChannelReport, Reply, Request


class Step(Enum):
    """The steps that have a deadline of their own, which is doubled for the next try when it has passed."""

    CONNECT = "connect"
    TLS = "tls"
    SIGN_ON = "sign-on"
    READINESS = "readiness"


class State(Enum):
    """The states of the agent channel, as ``status`` shows them."""

    DOWN = "down"
    DIALING = "dialing"
    SIGNING_ON = "signing-on"
    RESTORING = "restoring"
    UP = "up"
    SUSPECT = "suspect"
    STANDING_BY = "standing-by"
    CONTENDED = "contended"
    SIGNING_OFF = "signing-off"


IN_SESSION = (State.RESTORING, State.UP, State.SUSPECT)
"""The states in which a session is open: CE may give us calls, and can refuse something of it."""


@frozen
class Timings:
    """The agent channel's durations, in seconds, and counts (configuration, ``[agent_channel]``)."""

    connect: float = 1.0
    reply: float = 2.0
    heartbeat: float = 0.5
    misses: int = 3
    backoff: Backoff = field(factory=lambda: Backoff(0.1, 5.0))
    ready_rate: float = 0.0


SLICE = 500
"""Changes of readiness in one request at most: an HTTP/1.1 connection carries one request at a time, and heartbeats
must fit between (design, Agent channel)."""


@frozen
class Abilities:
    """Which duties the profile maps; a missing one is done without (profile.md, Rules).

    Attributes:
        slice: so many changes of readiness go into one request at most; 1 where its message has room for one only.
    """

    open_session: bool = True
    set_readiness: bool = True
    heartbeat: bool = True
    close_session: bool = True
    probe: bool = False
    slice: int = SLICE

    @property
    def beating(self) -> bool:
        """Whether anything is asked again and again on the agent channel, so that its end is noticed there."""
        return self.heartbeat or self.probe


@frozen
class Target:
    """Whom to be signed on to.

    Attributes:
        host: the host that is active; None: whichever connector in line accepts (``connector-answers``).
        connectors: the addresses of its IVR Connector, in line.
        generation: its generation, where it has one.
        mark: the generation below which nobody is followed.
    """

    host: str | None
    connectors: tuple[str, ...]
    generation: int | None = None
    mark: int | None = None


@frozen
class Loss:
    """Why an attempt, a connection or an exchange came to nothing.

    Attributes:
        step: the step whose deadline passed, None if it failed otherwise.
    """

    reason: str
    step: Step | None = None


@frozen
class Dial:
    """Action: connect to a URL; every later event names this connection."""

    connection: int
    url: str
    connect_timeout: float
    tls_timeout: float


@frozen
class Abort:
    """Action: abort the connection, or the attempt, at once."""

    connection: int


@frozen
class Send:
    """Action: exchange one request for its reply."""

    connection: int
    request: Request


@frozen
class Probe:
    """Action: ask the connector something harmless, where the profile has no heartbeat."""

    connection: int


@frozen
class Rediscover:
    """Action: ask every URL of the component link now."""


@frozen
class Heard:
    """Action: a connector said whether its host is active.

    Attributes:
        url: which connector.
        host: whose it is, None if it was not said.
        asked_at: when the question was sent (monotonic seconds).
    """

    url: str
    host: str | None
    active: bool
    generation: int | None
    asked_at: float


@frozen
class Unreachable:
    """Action: a connector could not be reached, or gave no answer of the contract."""

    url: str
    reason: str


@frozen
class SignOn:
    """Action: the agent channel is signed on."""

    host: str
    generation: int | None
    connection: int
    reply: Reply


@frozen
class Reports:
    """Action: compare what CE reports of these channels with what is known here, and mend the difference.

    Reports that say nothing are left out: those of channels of which a signal was out meanwhile. Whoever finds a call
    that CE does not know holds the channel back at once (:meth:`~agentchan.core.channel.Channels.hold_back`): after a
    sign-on no readiness is decided upon before the next event.

    Attributes:
        asked_at: when the request was sent that this answers (monotonic seconds).
    """

    reports: tuple[ChannelReport, ...]
    asked_at: float


@frozen
class Restored:
    """Action: CE has been told all readiness, and has answered."""

    host: str


@frozen
class SignOffDone:
    """Action: the agent channel to a host has ended, for the reason given.

    Attributes:
        silent: whether the host had been silent before, rather than that it, or another one, told us at once.
    """

    host: str
    cause: str
    silent: bool = False


@frozen
class Note:
    """Action: tell people; ``event`` is a stable name, ``alarm`` marks what somebody must look at."""

    event: str
    text: str
    alarm: bool = False


@frozen
class Stopped:
    """Action: nothing more will come."""


Action = (
    Dial
    | Abort
    | Send
    | Probe
    | Rediscover
    | Heard
    | Unreachable
    | SignOn
    | Reports
    | Restored
    | SignOffDone
    | Note
    | Stopped
)


@frozen
class Shown:
    """What people may see of the agent channel; no secrets in here.

    Attributes:
        since: when this state began (monotonic seconds).
        heard_at: when the host gave its last sign of life.
        retry_at: when the next attempt is made, where one is waited for.
    """

    state: State
    since: float = 0.0
    host: str | None = None
    url: str | None = None
    generation: int | None = None
    session_id: str | None = None
    heard_at: float | None = None
    retry_at: float | None = None
    error: str | None = None
