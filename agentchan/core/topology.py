"""Which CE Core Host is active: a pure function of what the hosts said, and when they were asked.

Observations go in, a new :class:`Topology` comes out (:func:`updated`); who is to be followed is read off it
(:func:`judged`). Nothing is mutated, nothing is waited for. The rules:

- A host is active only by its own word, and only within its domain. Its word comes from its Component Service (one
  or several URLs) and, while an agent channel is open, from its IVR Connector. Of two words of one host the one of the
  higher generation counts; of equal ones, a claim only if it was asked for after the newest denial came.
- Nobody is followed to a generation below the *mark*, the highest with which a sign-on has succeeded in the domain.
- Of two claimants the higher generation wins. Equal ones: the present host while it answers; else nobody, until they
  agree or an operator pins one. A claim that the host's own IVR Connector has denied gives way to another host's.
- The mark falls when every URL has answered below it for 60 s, or when those that answer have done so for 10 minutes
  while the others were silent; a connector's denial falls when its host has said otherwise for 60 s: one wrong number
  must not lock us out for good.
- A site's CE may have no generations. Then they are counted here: each new claim is a new one, so that the host which
  came last is followed.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from agentchan.core.observations import (
    Answered,
    ChannelLost,
    ConnectorWord,
    Failed,
    Forgotten,
    Mark,
    Observation,
    Pinned,
    Said,
    SignedOn,
    Topology,
    View,
)
from agentchan.core.verdict import Verdict, domain_of, judged, known_hosts, role_of
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
    return updated_and_judged(topology, observation)[0]


def updated_and_judged(topology: Topology, observation: Observation) -> tuple[Topology, Verdict]:
    """The topology after one more observation, and who is to be followed by it."""
    match observation:
        case Answered():
            new = _answered(topology, observation)
        case Failed():
            new = _failed(topology, observation)
        case Said(word):
            new = _said(topology, word)
        case ChannelLost(host):
            # What it said against itself stands until it says otherwise.
            words = tuple(word for word in topology.words if word.host != host or not word.active)
            new = evolve(topology, words=words)
        case SignedOn(host, generation):
            new = _signed_on(topology, host, generation)
        case Pinned(pin):
            new = evolve(topology, pin=pin)
        case Forgotten():
            new = _with_marks(topology, ())
        case _:
            new = topology
    new = _mark_fallen(_pin_expired(new, observation_time(observation)), observation_time(observation))
    verdict = judged(new)
    if verdict.host is None or verdict.host == new.present:
        return new, verdict
    new = evolve(new, present=verdict.host)
    return new, judged(new)


def observation_time(observation: Observation) -> float:
    """When an observation was made (monotonic seconds)."""
    return observation.word.at if isinstance(observation, Said) else observation.at


def _answered(topology: Topology, answer: Answered) -> Topology:
    view = next((view for view in topology.views if view.url == answer.url), None)
    if view is None:
        return topology
    status = answer.status
    if status.server_name is None and view.status is not None:
        # Where faults do not say it (connector-answers), a URL keeps the name that a good answer gave.
        status = evolve(status, server_name=view.status.server_name)
    counted = topology.counted
    if status.generation is None:
        generation, counted = _counted(topology, status, answer.url)
        status = evolve(status, generation=generation)
    views = tuple(_seen(topology, each, status, answer) if each is view else each for each in topology.views)
    return evolve(topology, views=views, counted=counted)


def _said(topology: Topology, word: ConnectorWord) -> Topology:
    if word.generation is None:
        # It speaks of the generation that the host was known to be in.
        statuses = [view.status for view in topology.views if view.status and view.host == word.host]
        known = max((status.generation for status in statuses if status.generation is not None), default=None)
        word = evolve(word, generation=known)
    others = tuple(other for other in topology.words if other.host != word.host)
    return evolve(topology, words=(*others, word))


def _counted(topology: Topology, status: ServerStatus, url: str) -> tuple[int, int]:
    """A generation of our own counting for a host that says none, and the count after it (profile.md).

    A host that claims to be active after it did not has a new generation; so has one whose claim has outlived a newer
    one. A claim that goes on beside a newer one stays an old one.
    """
    counted = topology.counted
    if role_of(status) is not Role.ACTIVE:
        return counted, counted
    name = status.server_name or url
    former = [view.status for view in topology.views if view.status and view.host == name]
    claims = [each.generation for each in former if role_of(each) is Role.ACTIVE and each.generation is not None]
    claimed = max(claims, default=None)
    if not former or claimed == counted:
        return counted, counted
    rivals = any(
        host.role is Role.ACTIVE and host.refusal is None and host.name != name for host in known_hosts(topology)
    )
    if claimed is not None and rivals:
        return claimed, counted
    if claimed is not None and name == topology.present:
        return counted, counted
    return counted + 1, counted + 1


def _seen(topology: Topology, view: View, status: ServerStatus, answer: Answered) -> View:
    mark = topology.mark(_domain(topology, status))
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


def _domain(topology: Topology, status: ServerStatus) -> str | None:
    return status.domain or topology.domain or topology.home


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
    lows = [view for view in topology.views if view.error is None and view.below_since is not None]
    others = [view for view in topology.views if view not in lows]
    patience = SOME_BELOW_THE_MARK if others else ALL_BELOW_THE_MARK
    waited = all(now - (view.below_since or 0.0) >= patience for view in lows) and all(
        view.error is not None and view.not_above_since is not None and now - view.not_above_since >= patience
        for view in others
    )
    if not lows or not waited:
        return topology
    return _with_marks(topology, tuple(_lowered(topology, mark, lows) for mark in topology.marks))


def _lowered(topology: Topology, mark: Mark, lows: list[View]) -> Mark:
    """The mark, as low as the highest that the hosts of its domain have; that of another domain stays."""
    statuses = [view.status for view in lows if view.status and _domain(topology, view.status) == mark.domain]
    return evolve(mark, generation=max((status.generation or 0 for status in statuses), default=mark.generation))


def _with_marks(topology: Topology, marks: tuple[Mark, ...]) -> Topology:
    """Lower marks: who was below them is so no more, and what connectors denied in a higher generation is forgotten."""
    views = tuple(evolve(view, below_since=None, not_above_since=None) for view in topology.views)
    words = tuple(word for word in topology.words if word.active)
    return evolve(topology, views=views, words=words, marks=marks)
