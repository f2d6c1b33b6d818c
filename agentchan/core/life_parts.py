"""What the states of the agent channel's life share, the data they have, and the inputs they take."""

from __future__ import annotations

from typing import Protocol

from attrs import define, field, frozen

from agentchan.core.attempts import Attempts
from agentchan.core.backoff import Jitter, patient
from agentchan.core.channel import Channels
from agentchan.core.conversation import Conversation
from agentchan.core.session_values import Abilities, Abort, Action, Loss, Send, Shown, State, Step, Target, Timings
from agentchan.vocabulary import Reply, Request


@frozen
class Asking:
    """An OpenSession is out."""

    names: tuple[str, ...]
    sent_at: float
    deadline: float
    shown: State


@frozen
class Pause:
    """Connected, but asked to wait: an OpenSession is due later."""

    shown: State
    until: float


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
        connection: the number of the connection in use, None if there is none.
        count: the number of the newest connection.
        error: the newest trouble, for people.
        taken: sessions in a row that were soon taken from us.
        pauses: answers in a row that another instance is signed on.
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
    connection: int | None = None
    count: int = 0
    error: str | None = None
    heard_at: float | None = None
    taken: int = 0
    pauses: int = 0
    actions: list[Action] = field(factory=list)

    @property
    def url(self) -> str:
        """The connector that is tried, or in use."""
        return self.trying.connectors[self.index]

    def act(self, *actions: Action) -> None:
        """Let these actions happen."""
        self.actions.extend(actions)

    def send(self, request: Request) -> None:
        """Send a request on the connection."""
        if self.connection is not None:
            self.act(Send(self.connection, request))

    def patience(self, deadline: float, step: Step) -> float:
        """A step's deadline, doubled for each time that it passed (seconds)."""
        return patient(deadline, self.attempts.timeouts(step))

    def abort(self) -> None:
        """Abort the connection, whatever is under way on it."""
        if self.connection is not None:
            self.act(Abort(self.connection))
            self.connection = None

    def elsewhere(self) -> bool:
        """Whether somebody else than the one that is tried is to be followed now."""
        return self.target is None or self.target.host != self.trying.host


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

    def converse(self, now: float, names: tuple[str, ...], reply: Reply) -> None:
        """Signed on."""

    def pause(self, now: float, pause: Pause) -> None:
        """Stay connected and ask again later."""

    def finish(self, now: float, leaving: Leaving) -> None:
        """Say nothing more, and wait for the reply that is out."""

    def leave(self, now: float, leaving: Leaving) -> None:
        """Sign off."""

    def end(self, now: float) -> None:
        """Over."""
