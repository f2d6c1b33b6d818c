"""The agent channel's session, as the shell sees it: events in, actions out."""

from __future__ import annotations

from math import inf

from attrs import evolve

from agentchan.core.attempts import Attempts
from agentchan.core.backoff import Jitter
from agentchan.core.channels import Channels
from agentchan.core.life import make_life
from agentchan.core.life_parts import Core
from agentchan.core.session_values import Abilities, Action, Loss, Shown, State, Target, Timings
from agentchan.vocabulary import Reply


class Session:
    """One IVR's agent channel to whichever host is to be followed.

    Every method takes the time (monotonic seconds) and returns the actions to carry out, in order. Events of a
    connection that is not in use any more, and such as nothing has asked for, are counted in ``stale`` and change
    nothing (F14).

    Args:
        began_at: when the first state began, in which nothing has been tried yet (monotonic seconds).
    """

    def __init__(
        self,
        *,
        ivr: str,
        instance_id: str,
        channels: Channels,
        timings: Timings,
        abilities: Abilities,
        jitter: Jitter,
        began_at: float = 0.0,
    ) -> None:
        self.channels = channels
        self._late = 0
        attempts = Attempts(timings.backoff, jitter)
        self._core = Core(ivr, instance_id, timings, abilities, channels, attempts, jitter)
        self._life = make_life(self._core)
        self._shown = Shown(State.DOWN, since=began_at)
        self._due = inf
        self._quiet = False

    def follow(self, target: Target | None, now: float) -> list[Action]:
        """Follow this target from now on, or nobody."""
        self._core.target = target
        self._life.follow(now)
        return self._ticked(now)

    def connected(self, connection: int, now: float) -> list[Action]:
        """The dialled connection stands, TLS included."""
        if self._current(connection):
            self._life.connected(now)
        return self._ticked(now)

    def failed(self, connection: int, loss: Loss, now: float) -> list[Action]:
        """The attempt failed, the connection is lost, or an exchange on it got no answer of the contract."""
        if self._current(connection):
            self._life.failed(now, loss)
        return self._ticked(now)

    def heard(self, connection: int, now: float) -> list[Action]:
        """Bytes came."""
        if self._current(connection):
            self._life.heard(now)
        return self._taken(now)

    def replied(self, connection: int, reply: Reply, now: float) -> list[Action]:
        """The request in flight was answered."""
        if self._current(connection):
            self._life.replied(now, reply)
        return self._ticked(now)

    def probed(self, connection: int, now: float) -> list[Action]:
        """The probe in flight was answered."""
        if self._current(connection):
            self._life.probed(now)
        return self._ticked(now)

    def denied(self, host: str, now: float) -> list[Action]:
        """A call signal was answered that this host, called by its name or its connector's URL, is not active.

        Its connector is left at once, whatever is under way on it, and no readiness goes there any more.
        """
        if self._core.connection and host in (self._shown.host, self._shown.url):
            self._life.denied(now)
        return self._ticked(now)

    def retimed(self, timings: Timings, now: float) -> list[Action]:
        """Use other durations from now on, also in an open session; a deadline that is running stays."""
        self._core.timings = timings
        self._core.attempts.backoff = timings.backoff
        self._life.retimed(now)
        return self._ticked(now)

    def stop(self, now: float) -> list[Action]:
        """Sign off and end; said again: end at once."""
        self._life.stop(now)
        return self._ticked(now)

    def tick(self, now: float) -> list[Action]:
        """Do what is due; also after wishes or the list of channels have changed."""
        return [] if self.at_rest(now) else self._ticked(now)

    def at_rest(self, now: float) -> bool:
        """Whether a tick would find nothing to do: each call signal brings some."""
        return self._quiet and now < self._due and not self.channels.changed

    def deadline(self) -> float:
        """When the next tick is needed (monotonic seconds), infinite if none is; as of the last event."""
        return self._due

    def shown(self) -> Shown:
        """What people may see, as of the last event."""
        return self._shown

    @property
    def stale(self) -> int:
        """How many events changed nothing."""
        return self._late + self._core.strays

    def _current(self, connection: int) -> bool:
        if connection == self._core.connection != 0:
            return True
        self._late += 1
        return False

    def _ticked(self, now: float) -> list[Action]:
        self._life.tick(now)
        return self._taken(now)

    def _taken(self, now: float) -> list[Action]:
        self._due, self._quiet = self._life.deadline(now), not self.channels.changed
        shown = self._life.show(now)
        same = shown.state is self._shown.state and shown.host == self._shown.host
        self._shown = evolve(shown, since=self._shown.since if same else now)
        actions, self._core.actions = self._core.actions, []
        return actions
