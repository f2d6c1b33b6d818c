"""What the states of the agent channel's life share, the data they have, and the inputs they take."""

from __future__ import annotations

from typing import Protocol

from attrs import define, evolve, field, frozen

from agentchan.core.attempts import Attempts
from agentchan.core.backoff import Jitter, patient
from agentchan.core.channels import Channels
from agentchan.core.conversation import Conversation
from agentchan.core.session_values import (
    Abilities,
    Abort,
    Action,
    Heard,
    Loss,
    Send,
    Shown,
    State,
    Step,
    Target,
    Timings,
)
from agentchan.vocabulary import Reply, Request


@define
class Asking:
    """An OpenSession is out.

    Attributes:
        meant: the generation in which the host was believed active when it was sent.
        excused: whether the deadline was put off once, since we ourselves were not awake when it passed.
    """

    names: tuple[str, ...]
    sent_at: float
    meant: int | None
    deadline: float
    shown: State
    excused: bool = False


@frozen
class Opened:
    """A session is open, for these channels, by this reply; ``asked_at`` and ``meant`` as in :class:`Asking`."""

    names: tuple[str, ...]
    reply: Reply
    asked_at: float
    meant: int | None


@define
class Pause:
    """Connected, but asked to wait: an OpenSession is due later.

    Attributes:
        told: whether those who hear how the session before ended, or the question, have had their turn: with it goes
            the connector's word that its host is active, and perhaps nobody is to be asked any more.
    """

    shown: State
    until: float
    told: bool = False


@frozen
class Leaving:
    """Signing off: until when the replies that are out are waited for."""

    conversation: Conversation
    deadline: float


@define
class Core:
    """What all states share.

    Attributes:
        target: whom to follow now.
        trying: whom the present connection is, or was, meant for.
        index: the place of the connector in use in the target's line.
        left: how many connectors of the line have not had their turn yet.
        connection: the number of the connection in use, 0 if there is none.
        count: the number of the newest connection.
        error: the newest trouble, for people.
        generation: that of the newest session.
        taken: sessions in a row that were soon taken from us, in that generation.
        pauses: answers in a row that another instance is signed on.
        strays: events that nothing in the present state had asked for.
    """

    ivr: str
    instance_id: str
    timings: Timings
    abilities: Abilities
    channels: Channels
    attempts: Attempts
    jitter: Jitter
    target: Target | None = None
    trying: Target = field(factory=lambda: Target(None, ()))
    index: int = 0
    left: int = 0
    connection: int = 0
    count: int = 0
    error: str | None = None
    heard_at: float | None = None
    generation: int | None = None
    taken: int = 0
    pauses: int = 0
    strays: int = 0
    actions: list[Action] = field(factory=list)

    @property
    def url(self) -> str:
        """The connector that is tried, or in use."""
        return self.trying.connectors[self.index]

    @property
    def where(self) -> str:
        """Whom we talk to, for people."""
        return self.trying.host or self.url

    def act(self, *actions: Action) -> None:
        """Let these actions happen."""
        self.actions.extend(actions)

    def send(self, request: Request) -> None:
        """Send a request on the connection."""
        self.act(Send(self.connection, request))

    def patience(self, deadline: float, step: Step) -> float:
        """A step's deadline, doubled for each time that it passed (seconds)."""
        return patient(deadline, self.attempts.timeouts(self.trying, self.index, step))

    def abort(self) -> None:
        """Abort the connection, whatever is under way on it."""
        if self.connection:
            self.act(Abort(self.connection))
            self.connection = 0

    def elsewhere(self) -> bool:
        """Whether somebody else than the one that is tried is to be followed now."""
        target = self.target
        if target is None or target.host != self.trying.host:
            return True
        return bool(target.connectors) and self.url not in target.connectors

    def retarget(self) -> None:
        """Whoever is tried is still to be followed: take what is newly known of it."""
        target = self.target or self.trying
        if self.url in target.connectors:
            self.index, self.trying = target.connectors.index(self.url), target
            self.left = min(self.left, len(target.connectors) - 1)
        else:
            self.trying = evolve(self.trying, generation=target.generation, mark=target.mark)

    def is_active(self, host: str | None, generation: int | None, asked_at: float) -> None:
        """The connector says that its host is active.

        Its word counts as long as the agent channel lives; so where nothing is ever asked on the agent channel that
        would show its end, it is the component link that tells (profile.md, Rules).
        """
        if self.trying.host is None or self.abilities.beating:
            self.act(Heard(self.url, host, active=True, generation=generation, asked_at=asked_at))


class Life(Protocol):
    """The inputs of the machine."""

    # From outside, through Session:

    def follow(self, now: float) -> None:
        """Another target, or none, is to be followed (from the topology)."""

    def connected(self, now: float) -> None:
        """The dialled connection stands (from the dialer)."""

    def failed(self, now: float, loss: Loss) -> None:
        """The attempt failed, the connection is lost, or an exchange got no answer of the contract."""

    def heard(self, now: float) -> None:
        """Bytes came."""

    def replied(self, now: float, reply: Reply) -> None:
        """The request in flight was answered (from the codec)."""

    def probed(self, now: float) -> None:
        """The probe in flight was answered."""

    def denied(self, now: float) -> None:
        """The host that is tried, or in use, is not active (from the answer to a call signal)."""

    def retimed(self, now: float) -> None:
        """Other durations are to be used."""

    def tick(self, now: float) -> None:
        """Time has come, or something may be waiting to be said."""

    def stop(self, now: float) -> None:
        """Sign off and end; said again: end at once."""

    def show(self, now: float) -> Shown:
        """What people may see."""

    def deadline(self, now: float) -> float:
        """When the next tick is needed (monotonic seconds)."""

    # From the machine itself, once it has decided:

    def dial(self, now: float) -> None:
        """Dial the connector whose turn it is."""

    def rest(self, now: float) -> None:
        """Give up until the next attempt."""

    def ask(self, now: float, shown: State) -> None:
        """Ask to be signed on."""

    def converse(self, now: float, opened: Opened) -> None:
        """Signed on."""

    def pause(self, now: float, pause: Pause) -> None:
        """Stay connected and ask again later."""

    def finish(self, now: float, leaving: Leaving) -> None:
        """Say nothing more, and wait for the reply that is out."""

    def leave(self, now: float, leaving: Leaving) -> None:
        """Sign off."""

    def end(self, now: float) -> None:
        """Over."""
