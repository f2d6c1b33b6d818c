"""What hosts have been seen to say: the observations, and all that is known after them, as frozen values."""

from __future__ import annotations

from attrs import frozen

from agentchan.vocabulary import ServerStatus


@frozen
class Mark:
    """The highest generation with which a sign-on has succeeded in a domain, and where."""

    domain: str | None
    generation: int
    host: str


@frozen
class Pin:
    """An operator's word that one host is to be followed, until a monotonic time."""

    host: str
    until: float
    reason: str
    who: str = ""


@frozen
class View:
    """What one URL of the component link has shown.

    Attributes:
        status: the newest answer, kept after a failure for people to see.
        asked_at: when the question was sent that ``status`` answers.
        answered_at: when that answer came.
        error: why the newest question failed, None if it was answered.
        below_since: since when its answers have been below the mark without a break.
        not_above_since: since when it has given no answer at or above the mark, silence included.
    """

    url: str
    status: ServerStatus | None = None
    asked_at: float = 0.0
    answered_at: float | None = None
    error: str | None = "not asked yet"
    below_since: float | None = None
    not_above_since: float | None = None

    @property
    def host(self) -> str:
        """The host's name in CE; the URL stands for it as long as no name is known."""
        return (self.status and self.status.server_name) or self.url


@frozen
class ConnectorWord:
    """What a host's IVR Connector said of its role.

    Attributes:
        generation: None where the connector did not say it (a fault) and it was not known.
        asked_at: when the question was sent (monotonic seconds, as ``at``).
        at: when it was answered.
    """

    host: str
    active: bool
    generation: int | None
    asked_at: float
    at: float


@frozen
class Answered:
    """A Component Service answered."""

    url: str
    status: ServerStatus
    asked_at: float
    at: float


@frozen
class Failed:
    """A question to a Component Service failed: refused, timed out, or no answer of the contract."""

    url: str
    reason: str
    at: float


@frozen
class Said:
    """An IVR Connector said, on the agent channel in use, whether its host is active."""

    word: ConnectorWord


@frozen
class ChannelLost:
    """The agent channel to a host is gone, and with it the connector's word that the host is active."""

    host: str
    at: float


@frozen
class SignedOn:
    """A sign-on succeeded: the mark rises."""

    host: str
    generation: int
    at: float


@frozen
class Pinned:
    """An operator pinned a host, or (None) took the pin away."""

    pin: Pin | None
    at: float


@frozen
class Forgotten:
    """An operator made us forget the marks, say after a restore of CE's database."""

    at: float


@frozen
class Passed:
    """Time went by."""

    at: float


Observation = Answered | Failed | Said | ChannelLost | SignedOn | Pinned | Forgotten | Passed


@frozen
class Topology:
    """All that is known of a redundant CE at one moment.

    Attributes:
        views: one per URL of the component link, in line.
        domain: the only domain whose hosts may be followed, None if any.
        words: the connectors' words, by host.
        current: the index of the link's current URL.
        marks: by domain.
        home: the domain of the last sign-on.
        present: the host followed now, or last.
        counted: the generation counter for profiles whose CE has none.
        pin: the operator's pin, if one holds.
    """

    views: tuple[View, ...]
    domain: str | None = None
    words: tuple[ConnectorWord, ...] = ()
    current: int = 0
    marks: tuple[Mark, ...] = ()
    home: str | None = None
    present: str | None = None
    counted: int = 0
    pin: Pin | None = None

    def mark(self, domain: str | None) -> Mark | None:
        """The mark of a domain."""
        return next((mark for mark in self.marks if mark.domain == domain), None)
