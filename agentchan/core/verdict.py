"""Who is to be followed, and whether CE is failing over, read off what is known: pure functions."""

from __future__ import annotations

from enum import Enum

from attrs import evolve, field, frozen

from agentchan.core.observations import Pin, Topology, View
from agentchan.vocabulary import DomainState, Role, ServerStatus

NEVER_ACTIVE = (DomainState.STARTING, DomainState.STOPPING)
"""A host in these states is not active, whatever role it says (contract, Component Service)."""

FAILING_OVER = (DomainState.FAILING_OVER, DomainState.FAILING_BACK)
"""The states in which CE is failing over or back (contract, Component Service)."""


class Kind(Enum):
    """How sure we are of the active host; the words of ``status``."""

    FOLLOWING = "following"
    PINNED = "pinned"
    NONE_ACTIVE = "none-active"
    AMBIGUOUS = "ambiguous"
    UNKNOWN = "unknown"


@frozen
class Verdict:
    """Who is to be followed, and why.

    Attributes:
        host: the host to follow; None: nobody.
        generation: that host's generation.
        connector_url: where its IVR Connector is, by its own word.
        reason: one line for people.
    """

    kind: Kind
    host: str | None = None
    generation: int | None = None
    connector_url: str | None = None
    reason: str = ""


@frozen
class Host:
    """One host's newest word, put together from all that it has said.

    Attributes:
        role: UNKNOWN if it does not answer at all.
        generation: of the word that counts; None if it has none.
        refusal: why a claim of this host would not be followed, None if it would.
    """

    name: str
    role: Role
    generation: int | None
    status: ServerStatus | None
    refusal: str | None = field(default=None)

    @property
    def domain(self) -> str | None:
        """The domain it says it belongs to."""
        return self.status.domain if self.status else None


def judged(topology: Topology) -> Verdict:
    """Who is to be followed by what is known now."""
    hosts = known_hosts(topology)
    claimants = [host for host in hosts if host.role is Role.ACTIVE and host.refusal is None]
    if topology.pin is not None:
        return _pinned(topology.pin, hosts)
    if not claimants:
        return _none_active(topology, hosts)
    if len({host.domain for host in claimants if host.domain is not None}) > 1:
        names = " and ".join(f"{host.name} ({host.domain})" for host in claimants)
        return Verdict(Kind.AMBIGUOUS, reason=f"hosts of two domains claim to be active: {names}; set [ce] domain")
    highest = max(_number(host.generation) for host in claimants)
    best = [host for host in claimants if _number(host.generation) == highest]
    if len(best) == 1:
        return _verdict(Kind.FOLLOWING, best[0], "it says it is active")
    names = " and ".join(host.name for host in best)
    claim = f"{names} both claim to be active in generation {best[0].generation}"
    staying = next((host for host in best if host.name == topology.present), None)
    if staying is None:
        return Verdict(Kind.AMBIGUOUS, reason=f"{claim}; pin one with 'agentchan follow HOST'")
    return _verdict(Kind.AMBIGUOUS, staying, f"{claim}; staying with {staying.name}")


def known_hosts(topology: Topology) -> tuple[Host, ...]:
    """Every host that has ever answered, in line, with its newest word and whether it may be followed."""
    names = dict.fromkeys(
        [view.host for view in topology.views if view.status] + [word.host for word in topology.words]
    )
    hosts = [_newest_word(topology, name) for name in names]
    return tuple(evolve(host, refusal=_refusal(topology, host, hosts)) for host in hosts)


def domain_of(topology: Topology, name: str) -> str | None:
    """The domain a host belongs to: by its own word, else the one we are set to, or were last signed on in."""
    return _newest_word(topology, name).domain or topology.domain or topology.home


@frozen
class FailingOver:
    """The answer to "is CE failing over or back?" and what it rests on.

    Attributes:
        answer: None if it is not known.
        state: the domain state it rests on.
        observed_at: when the newest answer came (monotonic seconds).
    """

    answer: bool | None
    state: DomainState | None
    observed_at: float | None
    reason: str


def failing_over(topology: Topology, now: float, oldest: float) -> FailingOver:
    """Whether a failover or failback is in progress, by knowledge no older than ``oldest`` seconds.

    Any host that answers and says so makes it yes; an active host makes it no, in Emergency too; everything else is
    not known (interfaces, section 3).
    """
    answering = [
        view for view in topology.views if view.status and view.error is None and _at_home(topology, view.status)
    ]
    newest = max((view for view in topology.views if view.answered_at is not None), key=_answered_at, default=None)
    observed_at = newest.answered_at if newest else None
    if newest is None or not answering:
        return FailingOver(None, None, observed_at, "no host answers")
    if now - _answered_at(newest) > oldest:
        return FailingOver(None, None, observed_at, f"the newest answer is {now - _answered_at(newest):.1f} s old")
    statuses = [view.status for view in answering if view.status]
    moving = next((status for status in statuses if status.state in FAILING_OVER), None)
    if moving is not None:
        return FailingOver(
            True, moving.state, observed_at, f"{moving.server_name or 'a host'} says {moving.state.value}"
        )
    verdict = judged(topology)
    if verdict.host is not None:
        status = _newest_word(topology, verdict.host).status
        return FailingOver(False, status.state if status else None, observed_at, f"{verdict.host} is active")
    return FailingOver(None, statuses[0].state, observed_at, verdict.reason)


def _answered_at(view: View) -> float:
    return view.answered_at if view.answered_at is not None else float("-inf")


def _number(generation: int | None) -> int:
    return generation if generation is not None else -1


def _at_home(topology: Topology, status: ServerStatus) -> bool:
    return topology.domain is None or status.domain is None or status.domain == topology.domain


def _newest_word(topology: Topology, name: str) -> Host:
    """Put one host's words together: the higher generation counts, of equal ones the later question."""
    views = [view for view in topology.views if view.status and view.host == name]
    newest = max(views, key=_answered_at, default=None)
    status = newest.status if newest else None
    words = [
        _Word(view.status.generation, _role(view.status), view.asked_at, _answered_at(view))
        for view in views
        if view.status is not None and view.error is None
    ]
    highest = max((word.generation for word in words if word.generation is not None), default=None)
    for word in topology.words:
        if word.host == name:
            generation = word.generation if word.generation is not None else highest
            words.append(_Word(generation, Role.ACTIVE if word.active else Role.STANDBY, word.asked_at, word.at))
    if not words:
        return Host(name, Role.UNKNOWN, status.generation if status else None, status)
    counting = max(words, key=lambda word: _number(word.generation)).generation
    return Host(name, _role_by([word for word in words if word.generation == counting]), counting, status)


@frozen
class _Word:
    """One source's word of a host, whatever the source."""

    generation: int | None
    role: Role
    asked_at: float
    at: float


def _role_by(words: list[_Word]) -> Role:
    """The role by words of one generation: a claim counts only if it was asked for after the newest denial came.

    Answers on different connections overtake each other; the safe reading is that the denial is the newer one.
    """
    denied_at = max((word.at for word in words if word.role is not Role.ACTIVE), default=None)
    claimed = any(word.role is Role.ACTIVE and (denied_at is None or word.asked_at >= denied_at) for word in words)
    return Role.ACTIVE if claimed else Role.STANDBY


def _role(status: ServerStatus) -> Role:
    return Role.STANDBY if status.state in NEVER_ACTIVE else status.role


def _refusal(topology: Topology, host: Host, hosts: list[Host]) -> str | None:
    domain = topology.domain
    if domain is None and any(known.domain == topology.home and known.role is not Role.UNKNOWN for known in hosts):
        domain = topology.home
    if domain is not None and host.domain is not None and host.domain != domain:
        return f"it belongs to domain {host.domain}, not to {domain}"
    mark = topology.mark(domain_of(topology, host.name))
    if mark is not None and host.generation is not None and host.generation < mark.generation:
        return (
            f"its generation {host.generation} is below {mark.generation}, with which {mark.host} was signed on to; "
            "after a restore of CE's database: agentchan forget-generation"
        )
    return None


def _pinned(pin: Pin, hosts: tuple[Host, ...]) -> Verdict:
    host = next((known for known in hosts if known.name == pin.host), None)
    why = f"pinned by hand ({pin.reason})"
    if host is None:
        return Verdict(Kind.PINNED, reason=f"{why}, but no host of that name has answered yet")
    if host.refusal is not None:
        return Verdict(Kind.PINNED, reason=f"{why}, but {host.refusal}")
    if host.role is Role.STANDBY:
        return Verdict(Kind.PINNED, reason=f"{why}, but {host.name} says it is not active")
    return _verdict(Kind.PINNED, host, why)


def _none_active(topology: Topology, hosts: tuple[Host, ...]) -> Verdict:
    refused = [
        f"{host.name} claims it, but {host.refusal}" for host in hosts if host.refusal and host.role is Role.ACTIVE
    ]
    if refused:
        return Verdict(Kind.NONE_ACTIVE, reason="; ".join(refused))
    if any(host.role is not Role.UNKNOWN for host in hosts):
        return Verdict(Kind.NONE_ACTIVE, reason="hosts answer, but none says that it is active")
    errors = "; ".join(f"{view.url}: {view.error}" for view in topology.views if view.error)
    return Verdict(Kind.UNKNOWN, reason=f"no host answers ({errors})" if errors else "no host answers")


def _verdict(kind: Kind, host: Host, reason: str) -> Verdict:
    connector = host.status.connector_url if host.status else None
    return Verdict(kind, host.name, host.generation, connector, reason)
