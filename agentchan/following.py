"""Follows the active CE host: joins the component link, the topology, and the agent channel.

Observations go into the topology; who is to be followed is read off it and given to the agent channel; what a connector
says on the agent channel is an observation, too. Everything here happens on the reactor's thread, and nothing waits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol

import structlog
from attrs import frozen

from agentchan.ce.agent_channel import AgentChannel
from agentchan.core import failover
from agentchan.core.observations import (
    Answered,
    ChannelLost,
    ConnectorWord,
    Failed,
    Forgotten,
    Mark,
    Observation,
    Passed,
    Pin,
    Pinned,
    Said,
    SignedOn,
    Topology,
)
from agentchan.core.session_values import (
    Action,
    Dial,
    Heard,
    Note,
    Rediscover,
    Restored,
    SignOffDone,
    SignOn,
    Unreachable,
)
from agentchan.core.target import Lines, target_of
from agentchan.core.topology import updated_and_judged
from agentchan.core.verdict import FailingOver, Kind, Verdict, failing_over, judged
from agentchan.vocabulary import Role, ServerStatus

log = structlog.get_logger("agentchan.following")


@frozen
class Signs:
    """What others want to hear of; each is called on the reactor's thread.

    Attributes:
        marked: the marks by which nobody is followed to an older generation have changed.
        signed_on: the agent channel is signed on, with the action that says where.
        signed_off: the agent channel to a host has ended.
        restored: CE has been told all readiness.
        judged: the verdict has changed.
        alarmed: something that people should look at (or, with alarm False, may).
        failed_over: a failover is over.
    """

    marked: Callable[[tuple[Mark, ...], str | None], None]
    signed_on: Callable[[SignOn], None]
    signed_off: Callable[[SignOffDone], None]
    restored: Callable[[Restored], None]
    judged: Callable[[Verdict, Verdict], None]
    alarmed: Callable[[Note], None]
    failed_over: Callable[[failover.Failover], None]


class Rediscovering(Protocol):
    """The component link, as far as it is needed here."""

    def rediscover(self) -> None:
        """Ask every URL now."""

    def ask_anew(self, urls: Collection[str]) -> None:
        """What these have said is contradicted: ask them again."""


class Following:
    """Keeps the agent channel where the topology says.

    Attributes:
        topology: all that is known of CE's hosts.
        verdict: who is followed by it.
        target: whom the agent channel is to be signed on to.
        agent_channel: None in frontend mode; set once, before anything is observed.
        link: the component link, None with ``connector-answers``; set once.
    """

    def __init__(self, reactor: Any, topology: Topology, lines: Lines, signs: Signs) -> None:
        self._lines = lines
        self.recall(topology)
        self.agent_channel: AgentChannel | None = None
        self.link: Rediscovering | None = None
        self.gap: failover.Gap | None = None
        self._reactor = reactor
        self._signs = signs
        self._signed_on: SignOn | None = None
        self._heard_at = 0.0

    def recall(self, topology: Topology) -> None:
        """Take up what is remembered of the last run, before anything is observed; it is no news to anybody."""
        self.topology = topology
        self.verdict = judged(topology)
        self.target = target_of(topology, self._lines, self.verdict)

    # What comes in.

    def observe(self, observation: Observation) -> None:
        """Take one observation, and let the agent channel follow from it."""
        marks = self.topology.marks
        before = self.verdict
        self.topology, self.verdict = updated_and_judged(self.topology, observation)
        self.target = target_of(self.topology, self._lines, self.verdict)
        if self.topology.marks != marks:
            self._tell_marks(marks)
        if (self.verdict.kind, self.verdict.host, self.verdict.generation) != (
            before.kind,
            before.host,
            before.generation,
        ):
            self._signs.judged(before, self.verdict)
        if self.agent_channel is not None:
            self.agent_channel.follow(self.target)

    def act(self, action: Action) -> None:
        """Take what the agent channel's session has decided and does not carry out itself."""
        now = self._now()
        match action:
            case Dial():
                self._gap(failover.dialed)
            case Heard():
                self._connector_said(action, now)
            case Unreachable(url, reason):
                if self._lines.connector_answers:
                    self.observe(Failed(url, reason, now))
            case Rediscover():
                if self.link is not None:
                    self.link.rediscover()
            case SignOn():
                self._sign_on(action, now)
            case Restored():
                self._gap(failover.restored)
                self._signs.restored(action)
            case SignOffDone(host):
                self._sign_off(action, now)
                self._signs.signed_off(action)
                self.observe(ChannelLost(host, now))
            case Note():
                self._signs.alarmed(action)

    def changed(self) -> None:
        """The agent channel has changed in some way: remember its last sign of life."""
        shown = self.agent_channel.shown() if self.agent_channel is not None else None
        if shown is not None and shown.heard_at is not None:
            self._heard_at = shown.heard_at

    def denied(self, host: str) -> None:
        """A call signal was answered: this host is not active.

        That is its own word: the agent channel leaves it before anything else is decided, and everybody is asked.
        """
        now = self._now()
        if self.agent_channel is not None:
            self.agent_channel.denied(host)
        url = next((view.url for view in self.topology.views if host in (view.host, view.url)), host)
        self._connector_said(Heard(url, host, active=False, generation=None, asked_at=now), now)
        if self.link is not None:
            self.link.rediscover()

    def outbox_emptied(self) -> None:
        """No call signal that was there at the sign-on is pending any more."""
        self._gap(failover.outbox_emptied)

    def passed(self) -> None:
        """Time went by: pins end, marks fall."""
        self.observe(Passed(self._now()))

    def pin(self, pin: Pin | None) -> None:
        """An operator pins a host, or takes the pin away."""
        self.observe(Pinned(pin, self._now()))

    def forget_generation(self) -> None:
        """An operator wants the marks forgotten."""
        self.observe(Forgotten(self._now()))

    # What can be asked.

    def failing_over(self, oldest: float) -> FailingOver:
        """Whether CE is failing over, by knowledge no older than so many seconds."""
        return failing_over(self.topology, self._now(), oldest)

    # Inside.

    def _now(self) -> float:
        now: float = self._reactor.seconds()
        return now

    def _connector_said(self, heard: Heard, now: float) -> None:
        if self._lines.connector_answers:
            role = Role.ACTIVE if heard.active else Role.STANDBY
            status = ServerStatus(role, server_name=heard.host, generation=heard.generation, connector_url=heard.url)
            self.observe(Answered(heard.url, status, heard.asked_at, now))
        elif heard.host is not None and any(view.host == heard.host for view in self.topology.views):
            self.observe(Said(ConnectorWord(heard.host, heard.active, heard.generation, heard.asked_at, now)))
            if not heard.active and self.link is not None:
                # What its Component Service said before does not count any more, and would not be said again unasked.
                self.link.ask_anew([view.url for view in self.topology.views if view.host == heard.host])

    def _sign_on(self, action: SignOn, now: float) -> None:
        self._signed_on = action
        self._gap(lambda gap, at: failover.signed_on(gap, at, host=action.host, generation=action.generation))
        self._signs.signed_on(action)
        if action.generation is not None:
            self.observe(SignedOn(action.host, action.generation, now))

    def _sign_off(self, action: SignOffDone, now: float) -> None:
        signed_on = self._signed_on
        generation = signed_on.generation if signed_on is not None else None
        # What was told at once did not have to be detected.
        heard_at = self._heard_at if action.silent else now
        self.gap = failover.lost(
            self.gap, now, host=action.host, generation=generation, cause=action.cause, heard_at=heard_at
        )

    def _gap(self, step: Callable[[failover.Gap, float], failover.Gap]) -> None:
        if self.gap is None or self.gap.closed:
            return
        self.gap = step(self.gap, self._now())
        if self.gap.failover is not None:
            self._signs.failed_over(self.gap.failover)

    def _tell_marks(self, before: Iterable[Mark]) -> None:
        known = {mark.domain: mark for mark in self.topology.marks}
        for mark in before:
            now = known.get(mark.domain)
            if now is None or now.generation < mark.generation:
                text = (
                    f"hosts of generation {now.generation if now else 'any'} are followed again, "
                    f"although {mark.host} was signed on to in generation {mark.generation}"
                )
                self._signs.alarmed(Note("mark-fallen", text, alarm=True))
        self._signs.marked(self.topology.marks, self.topology.home)


def describe(verdict: Verdict) -> str:
    """A verdict in one line."""
    if verdict.kind is Kind.FOLLOWING and verdict.host is not None:
        generation = f", generation {verdict.generation}" if verdict.generation is not None else ""
        return f"{verdict.host} is active{generation}"
    return verdict.reason
