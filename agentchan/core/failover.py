"""What a failover cost: a record made from the facts of the agent channel, phase by phase."""

from __future__ import annotations

from attrs import evolve, frozen


@frozen
class Failover:
    """One move of the agent channel, from one host to another, or from one generation of a host to the next.

    Durations are seconds and follow one another without a gap; ``total`` is their sum.

    Attributes:
        from_host: who was followed before.
        cause: why the agent channel to it ended, for people.
        ended_at: when the last phase was over (monotonic seconds).
        detect: from the old host's last sign of life to the end of the agent channel to it, where it had been silent;
            0 where the end was told at once, since nothing had to be detected then.
        discover: from there to the dialling that led to the sign-on; 0 where the connection was kept, and only another
            session had to be opened on it.
        sign_on: TCP, TLS and OpenSession; whatever there was of them.
        restore: until CE had been told all readiness.
        drain_outbox: until all call signals that had been waiting at the sign-on were confirmed.
    """

    from_host: str
    to_host: str
    cause: str
    generation: int | None
    ended_at: float
    detect: float
    discover: float
    sign_on: float
    restore: float
    drain_outbox: float = 0.0

    @property
    def total(self) -> float:
        """Seconds from the old host's last sign of life, or from when its end was told, to the end of it all."""
        return self.detect + self.discover + self.sign_on + self.restore + self.drain_outbox


@frozen
class Gap:
    """A time without agent channel, as far as it has got.

    Attributes:
        heard_at: the old host's last sign of life, or when its end was told (monotonic seconds, as all times here).
        dialed_at: when the newest dialling began; None while the connection of before is still in use.
        outbox_empty_at: when no signal of before the sign-on was pending any more.
    """

    from_host: str
    from_generation: int | None
    cause: str
    heard_at: float
    lost_at: float
    dialed_at: float | None = None
    signed_on_at: float | None = None
    to_host: str | None = None
    generation: int | None = None
    restored_at: float | None = None
    outbox_empty_at: float | None = None

    @property
    def failover(self) -> Failover | None:
        """The record, once the gap is closed by another host, or the same in another generation."""
        if (
            self.signed_on_at is None
            or self.to_host is None
            or self.restored_at is None
            or self.outbox_empty_at is None
        ):
            return None
        if (self.to_host, self.generation) == (self.from_host, self.from_generation):
            return None
        dialed_at = self.lost_at if self.dialed_at is None else self.dialed_at
        ended_at = max(self.restored_at, self.outbox_empty_at)
        return Failover(
            from_host=self.from_host,
            to_host=self.to_host,
            cause=self.cause,
            generation=self.generation,
            ended_at=ended_at,
            detect=max(0.0, self.lost_at - self.heard_at),
            discover=dialed_at - self.lost_at,
            sign_on=self.signed_on_at - dialed_at,
            restore=self.restored_at - self.signed_on_at,
            drain_outbox=ended_at - self.restored_at,
        )

    @property
    def closed(self) -> bool:
        """Whether all phases are over."""
        return self.restored_at is not None and self.outbox_empty_at is not None


def lost(gap: Gap | None, now: float, *, host: str, generation: int | None, cause: str, heard_at: float) -> Gap:
    """The agent channel has ended.

    A gap that was not closed yet goes on: whoever was signed on to in between did not serve anybody.
    """
    if gap is None or gap.closed:
        return Gap(host, generation, cause, heard_at, now)
    return evolve(gap, signed_on_at=None, to_host=None, restored_at=None, outbox_empty_at=None)


def dialed(gap: Gap, now: float) -> Gap:
    """An attempt began."""
    return evolve(gap, dialed_at=now)


def signed_on(gap: Gap, now: float, *, host: str, generation: int | None) -> Gap:
    """The agent channel is signed on."""
    return evolve(gap, signed_on_at=now, to_host=host, generation=generation)


def restored(gap: Gap, now: float) -> Gap:
    """CE has been told all readiness."""
    return evolve(gap, restored_at=now)


def outbox_emptied(gap: Gap, now: float) -> Gap:
    """The call signals that had been waiting are confirmed."""
    return gap if gap.signed_on_at is None or gap.outbox_empty_at is not None else evolve(gap, outbox_empty_at=now)
