"""Which CE Core Host is active: a pure function of what the hosts said, and when they were asked.

Observations go in, a new :class:`Topology` comes out (:func:`updated`); who is to be followed is read off it
(:func:`judged`). Nothing is mutated, nothing is waited for. The rules:

- A host is active only by its own word, and only within its domain. Its word comes from its Component Service (one
  or several URLs) and, while an agent channel is open, from its IVR Connector. Of two words of one host the one of the
  higher generation counts; of equal ones, a claim only if it was asked for after the newest denial came.
- Nobody is followed to a generation below the *mark*, the highest with which a sign-on has succeeded in the domain.
- Of two claimants the higher generation wins. Equal ones: the present host while it answers; else nobody, until they
  agree or an operator pins one.
- The mark falls when every URL has answered below it for 60 s, or when those that answer have done so for 10 minutes
  while the others were silent: one wrong number must not lock us out for good.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from agentchan.core.observations import (
    Answered,
    ChannelLost,
    Failed,
    Forgotten,
    Mark,
    Observation,
    Passed,
    Pinned,
    Said,
    SignedOn,
    Topology,
    View,
)
from agentchan.core.verdict import domain_of, judged
from agentchan.vocabulary import Role, ServerStatus

ALL_BELOW_THE_MARK = 60.0
"""Seconds after which the mark falls if every URL answers below it."""

SOME_BELOW_THE_MARK = 600.0
"""Seconds after which the mark falls if some URLs answer below it and the others are silent."""


def begun(
    urls: Iterable[str], domain: str | None = None, marks: Iterable[Mark] = (), home: str | None = None
) -> Topology:
    """The topology of a program that has just started, with what it remembers of its last run.

    ``home`` is the domain of the last sign-on; that domain's mark names the host to stay with.
    """
    kept = tuple(marks)
    remembered = next((mark for mark in kept if mark.domain == home), None)
    return Topology(
        views=tuple(View(url) for url in urls),
        domain=domain,
        marks=kept,
        home=home,
        present=remembered.host if remembered else None,
        counted=remembered.generation if remembered else 0,
    )


def updated(topology: Topology, observation: Observation) -> Topology:
    """The topology after one more observation; the host to stay with is part of it."""
    match observation:
        case Answered():
            new = _answered(topology, observation)
        case Failed():
            new = _failed(topology, observation)
        case Said(word):
            others = tuple(known for known in topology.words if known.host != word.host)
            new = evolve(topology, words=(*others, word))
        case ChannelLost(host):
            # What it said against itself stands until it says otherwise.
            words = tuple(word for word in topology.words if word.host != host or not word.active)
            new = evolve(topology, words=words)
        case SignedOn(host, generation):
            new = _signed_on(topology, host, generation)
        case Pinned(pin):
            new = evolve(topology, pin=pin)
        case Forgotten():
            new = evolve(topology, marks=tuple(mark for mark in topology.marks if mark.domain != topology.home))
        case Passed():
            new = topology
    new = _mark_fallen(_pin_expired(new, observation_time(observation)), observation_time(observation))
    active = judged(new).host
    return new if active is None or active == new.present else evolve(new, present=active)


def observation_time(observation: Observation) -> float:
    """When an observation was made (monotonic seconds)."""
    return observation.word.at if isinstance(observation, Said) else observation.at


def _answered(topology: Topology, answer: Answered) -> Topology:
    status, counted = _counted(topology, answer)
    views = tuple(_seen(topology, view, status, answer) if view.url == answer.url else view for view in topology.views)
    return evolve(topology, views=views, counted=counted)


def _counted(topology: Topology, answer: Answered) -> tuple[ServerStatus, int]:
    """Give a status without a generation one of our own counting (profile.md): a new claim is a new generation."""
    status, counted = answer.status, topology.counted
    if status.generation is not None:
        return status, counted
    before = next(view.status for view in topology.views if view.url == answer.url)
    if before is not None and status.role is before.role:
        return evolve(status, generation=before.generation), counted
    if before is not None and status.role is Role.ACTIVE:
        counted += 1
    return evolve(status, generation=counted), counted


def _seen(topology: Topology, view: View, status: ServerStatus, answer: Answered) -> View:
    mark = topology.mark(status.domain or topology.domain or topology.home)
    below = mark is not None and status.generation is not None and status.generation < mark.generation
    return evolve(
        view,
        status=status,
        asked_at=answer.asked_at,
        answered_at=answer.at,
        error=None,
        below_since=(answer.at if view.below_since is None else view.below_since) if below else None,
        not_above_since=(answer.at if view.not_above_since is None else view.not_above_since) if below else None,
    )


def _failed(topology: Topology, failure: Failed) -> Topology:
    views = tuple(
        evolve(
            view,
            error=failure.reason,
            not_above_since=failure.at if view.not_above_since is None else view.not_above_since,
        )
        if view.url == failure.url
        else view
        for view in topology.views
    )
    current = topology.current
    if views[current].url == failure.url:
        # In line, as the vendor does it; URLs that are known to fail are passed over while one answers.
        line = [(current + step) % len(views) for step in range(1, len(views) + 1)]
        current = next((index for index in line if views[index].error is None), line[0])
    return evolve(topology, views=views, current=current)


def _signed_on(topology: Topology, host: str, generation: int) -> Topology:
    domain = domain_of(topology, host)
    mark = topology.mark(domain)
    others = tuple(known for known in topology.marks if known.domain != domain)
    risen = Mark(domain, generation, host) if mark is None or generation >= mark.generation else mark
    counted = max(topology.counted, generation)
    return evolve(topology, marks=(*others, risen), home=domain, present=host, counted=counted)


def _pin_expired(topology: Topology, now: float) -> Topology:
    return evolve(topology, pin=None) if topology.pin is not None and now >= topology.pin.until else topology


def _mark_fallen(topology: Topology, now: float) -> Topology:
    mark = topology.mark(topology.home)
    if mark is None or not any(view.below_since is not None for view in topology.views):
        return topology
    answering = [view for view in topology.views if view.error is None]
    lows = [view for view in answering if view.below_since is not None]
    all_below = len(lows) == len(topology.views) and all(
        now - _below_since(view) >= ALL_BELOW_THE_MARK for view in lows
    )
    rest = [view for view in topology.views if view not in lows]
    some_below = (
        bool(lows)
        and all(now - _below_since(view) >= SOME_BELOW_THE_MARK for view in lows)
        and all(view.error is not None and now - _silent_since(view, now) >= SOME_BELOW_THE_MARK for view in rest)
    )
    if not (all_below or some_below):
        return topology
    highest = max(view.status.generation for view in lows if view.status and view.status.generation is not None)
    others = tuple(known for known in topology.marks if known.domain != mark.domain)
    views = tuple(evolve(view, below_since=None, not_above_since=None) for view in topology.views)
    return evolve(topology, views=views, marks=(*others, evolve(mark, generation=highest)))


def _below_since(view: View) -> float:
    return view.below_since if view.below_since is not None else float("inf")


def _silent_since(view: View, now: float) -> float:
    return view.not_above_since if view.not_above_since is not None else now
