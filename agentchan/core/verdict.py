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

CONTRADICTED = 60.0
"""Seconds after which an IVR Connector's denial counts no more if its host's Component Service says otherwise then: one
wrong number must not lock us out."""


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
        status: its Component Service's newest answer, however old.
        claimed_at: when the newest question was sent that it answered with a claim in that generation (monotonic
            seconds, as ``denied_at``); None if there is none.
        denied_at: when its IVR Connector denied such a claim; None if it did not.
        refusal: why a claim of this host would not be followed, None if it would.
    """

    name: str
    role: Role
    generation: int | None
    status: ServerStatus | None
    claimed_at: float | None = None
    denied_at: float | None = None
    refusal: str | None = field(default=None)

    @property
    def domain(self) -> str | None:
        """The domain it says it belongs to."""
        return self.status.domain if self.status else None


def judged(topology: Topology) -> Verdict:
    """Who is to be followed by what is known now."""
    hosts = known_hosts(topology)
    if topology.pin is not None:
        return _pinned(topology, topology.pin, hosts)
    claims = [host for host in hosts if host.role is Role.ACTIVE and host.refusal is None]
    if not claims:
        return _none_active(topology, hosts)
    if len({host.domain for host in claims if host.domain is not None}) > 1:
        names = " and ".join(f"{host.name} ({host.domain})" for host in claims)
        return Verdict(Kind.AMBIGUOUS, reason=f"hosts of two domains claim to be active: {names}; set [ce] domain")
    claimants = [host for host in claims if not _refuted(host, claims)]
    highest = max(_number(host.generation) for host in claimants)
    best = [host for host in claimants if _number(host.generation) == highest]
    if len(best) == 1:
        others = [
            f"; {host.name} does, too, but its IVR Connector denies it" for host in claims if host not in claimants
        ]
        return _verdict(Kind.FOLLOWING, best[0], f"it says it is active{''.join(others)}")
    names = " and ".join(host.name for host in best)
    claim = f"{names} both claim to be active in generation {best[0].generation}"
    staying = _staying(topology, best)
    if staying is None:
        return Verdict(Kind.AMBIGUOUS, reason=f"{claim}; pin one with 'agentchan follow HOST'")
    return _verdict(Kind.AMBIGUOUS, staying, f"{claim}; staying with {staying.name}")


def known_hosts(topology: Topology) -> tuple[Host, ...]:
    """Every host that has ever answered, in line, with its newest word and whether it may be followed."""
    names = dict.fromkeys(
        [view.host for view in topology.views if view.status] + [word.host for word in topology.words]
    )
    hosts = [_newest_word(topology, name) for name in names]
    return tuple(evolve(host, refusal=_refusal(topology, host)) for host in hosts)


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
    domain = _own_domain(topology)
    ours = [view for view in topology.views if view.status and domain in (None, view.status.domain or domain)]
    observed_at = max((_answered_at(view) for view in ours), default=None)
    answering = [view for view in ours if view.error is None]
    if observed_at is None or not answering:
        return FailingOver(None, None, observed_at, "no host answers")
    fresh = [view.status for view in answering if view.status and now - _answered_at(view) <= oldest]
    if not fresh:
        return FailingOver(None, None, observed_at, f"the newest answer is {now - observed_at:.1f} s old")
    moving = next((status for status in fresh if status.state in FAILING_OVER), None)
    if moving is not None:
        reason = f"{moving.server_name or 'a host'} says {moving.state.value}"
        return FailingOver(True, moving.state, observed_at, reason)
    # Whom an operator has pinned says nothing about CE.
    verdict = judged(evolve(topology, pin=None))
    active = _newest_word(topology, verdict.host) if verdict.host is not None else None
    if active is not None and active.role is Role.ACTIVE:
        state = active.status.state if active.status else None
        return FailingOver(False, state, observed_at, f"{active.name} is active")
    return FailingOver(None, fresh[0].state, observed_at, verdict.reason)


def _answered_at(view: View) -> float:
    return view.answered_at if view.answered_at is not None else float("-inf")


def _number(generation: int | None) -> int:
    return generation if generation is not None else -1


def _own_domain(topology: Topology) -> str | None:
    """The only domain whose hosts count: the configured one, else that of the last sign-on while a host of it answers.

    None: hosts of any domain count.
    """
    answering = [view.status.domain for view in topology.views if view.status and view.error is None]
    return topology.domain or (topology.home if topology.home in answering else None)


def _newest_word(topology: Topology, name: str) -> Host:
    """Put one host's words together: the higher generation counts, of equal ones the later question."""
    views = [view for view in topology.views if view.status and view.host == name]
    newest = max(views, key=_answered_at, default=None)
    status = newest.status if newest else None
    words = [
        _Word(view.status.generation, role_of(view.status), view.asked_at, _answered_at(view))
        for view in views
        if view.status is not None and view.error is None
    ]
    claimed_at = max((word.asked_at for word in words if word.role is Role.ACTIVE), default=float("-inf"))
    for word in topology.words:
        if word.host == name and (word.active or claimed_at < word.at + CONTRADICTED):
            role = Role.ACTIVE if word.active else Role.STANDBY
            words.append(_Word(word.generation, role, word.asked_at, word.at, connector=True))
    if not words:
        return Host(name, Role.UNKNOWN, status.generation if status else None, status)
    counting = max(words, key=lambda word: _number(word.generation)).generation
    return _put_together(
        Host(name, Role.STANDBY, counting, status), [word for word in words if word.generation == counting]
    )


@frozen
class _Word:
    """One source's word of a host: its Component Service's, or its IVR Connector's."""

    generation: int | None
    role: Role
    asked_at: float
    at: float
    connector: bool = False


def _put_together(host: Host, words: list[_Word]) -> Host:
    """The role by words of one generation: a claim counts only if it was asked for after the newest denial came.

    Answers on different connections overtake each other; the safe reading is that the denial is the newer one.
    """
    denied_at = max((word.at for word in words if word.role is not Role.ACTIVE), default=None)
    claimed_at = max((word.asked_at for word in words if word.role is Role.ACTIVE), default=None)
    claims = claimed_at is not None and (denied_at is None or claimed_at >= denied_at)
    return evolve(
        host,
        role=Role.ACTIVE if claims else Role.STANDBY,
        claimed_at=claimed_at,
        denied_at=max((word.at for word in words if word.connector and word.role is not Role.ACTIVE), default=None),
    )


def role_of(status: ServerStatus) -> Role:
    """The role that a status claims; a host that starts or stops is never active (contract, Component Service)."""
    return Role.STANDBY if status.state in NEVER_ACTIVE else status.role


def _refuted(host: Host, claims: list[Host]) -> bool:
    """Whether a claim is denied by the host's own IVR Connector, while another host's stands that was made later."""
    denied_at = host.denied_at
    return denied_at is not None and any(
        other.denied_at is None and other.claimed_at is not None and other.claimed_at >= denied_at for other in claims
    )


def _refusal(topology: Topology, host: Host) -> str | None:
    domain = _own_domain(topology)
    if domain is not None and host.domain is not None and host.domain != domain:
        return f"it belongs to domain {host.domain}, not to {domain}"
    mark = topology.mark(domain_of(topology, host.name))
    if mark is not None and host.generation is not None and host.generation < mark.generation:
        return (
            f"its generation {host.generation} is below {mark.generation}, with which {mark.host} was signed on to; "
            "after a restore of CE's database: agentchan forget-generation"
        )
    return None


def _staying(topology: Topology, best: list[Host]) -> Host | None:
    """With whom to stay of hosts that claim the same generation: the host of the last sign-on in it, else the present.

    The mark remembers that host over a restart, when whoever answered first would be the present one.
    """
    mark = topology.mark(best[0].domain or topology.domain or topology.home)
    signed_on = mark.host if mark is not None and mark.generation == best[0].generation else None
    by_name = {host.name: host for host in best}
    return by_name.get(signed_on or "") or by_name.get(topology.present or "")


def _pinned(topology: Topology, pin: Pin, hosts: tuple[Host, ...]) -> Verdict:
    # A host may have been pinned by its URL, before its name was known.
    name = next((view.host for view in topology.views if view.url == pin.host), pin.host)
    host = next((known for known in hosts if known.name == name), None)
    why = f"pinned by hand ({pin.reason})"
    if host is None:
        return Verdict(Kind.PINNED, reason=f"{why}, but no host of that name has answered yet")
    if host.refusal is not None:
        return Verdict(Kind.PINNED, reason=f"{why}, but {host.refusal}")
    last = host.role if host.role is not Role.UNKNOWN or host.status is None else role_of(host.status)
    if last is Role.STANDBY:
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
