"""Guesses a first site profile from a WSDL: which operation does which duty, and what goes into its parameters.

Nothing that is guessed is believed: the profile is written with all that the WSDL says beside it, and
``profile check`` shows each message as it would go out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from agentchan.ce.duties import COMPONENT_DUTIES, CONNECTOR_DUTIES, DutyWords
from agentchan.ce.wsdl import Operation, Service
from agentchan.config.faults import quoted
from agentchan.profile_tools.drafts import Draft, DutyDraft, Line, SectionDraft
from agentchan.profile_tools.guessing_faults import fault_outcomes, fault_results
from agentchan.profile_tools.guessing_replies import Replies
from agentchan.profile_tools.guessing_requests import Requests
from agentchan.profile_tools.name_tables import OPERATIONS
from agentchan.profile_tools.names import plain

_SHORTEST_PART = 5
"""Letters of an operation's name that is looked for within others."""

_GIVERS = {"open_session": "session_id", "new_call": "call_token"}
"""Duties whose replies give what the requests of others are made of."""


def draft(name: str, connector: Service, component: Service | None) -> Draft:
    """A first profile.

    Args:
        name: of the profile.
        connector: the IVR Connector's WSDL.
        component: the Component Service's; None: perhaps the connector's WSDL has it, too.
    """
    first = _section("ivr_connector", connector, CONNECTOR_DUTIES)
    second = _section("component_service", component or connector, COMPONENT_DUTIES)
    if component is not None:
        return Draft(name, first, second)
    if all(duty.unusable for duty in second.duties):
        return Draft(name, first, None)
    # One WSDL for both: what is said of it once is not said again.
    used = {duty.operation for section in (first, second) for duty in section.duties}
    others = tuple(each for each in first.others if each not in used)
    return Draft(name, evolve(first, others=others), evolve(second, others=(), unspoken=()))


def _section(section: str, service: Service, words: Mapping[str, DutyWords]) -> SectionDraft:
    chosen = choose(tuple(service.operations), tuple(words))
    duties: list[DutyDraft] = []
    given: set[str] = set()
    for duty, about in words.items():
        operation = chosen.get(duty)
        if operation is None:
            continue
        found = _duty(duty, service.operations[operation], about, given)
        duties.append(found)
        results = {line.value for line in found.results}
        if duty in _GIVERS and not found.unusable and quoted(_GIVERS[duty]) in results:
            given.add(_GIVERS[duty])
    used = [service.operations[each.operation] for each in duties if not each.unusable]
    return SectionDraft(
        section=section,
        wsdl=service.files.main,
        port=service.port if service.unspoken else None,
        duties=tuple(duties),
        missing=tuple(duty for duty in words if duty not in chosen),
        settings=tuple(_settings(section, duties)),
        outcomes=fault_outcomes(used) if section == "ivr_connector" else (),
        fault_results=fault_results(used) if section == "ivr_connector" else (),
        unspoken=service.unspoken,
        others=tuple(each for each in service.operations if each not in chosen.values()),
    )


def choose(operations: Sequence[str], duties: Sequence[str]) -> dict[str, str]:
    """Which operation does which duty, each one at most.

    Args:
        operations: of the WSDL.
        duties: in question.
    """
    ranked: list[tuple[int, int, str, str]] = []
    for order, duty in enumerate(duties):
        for operation in operations:
            name = plain(operation)
            for index, known in enumerate(OPERATIONS[duty]):
                if name == known:
                    ranked.append((index, order, duty, operation))
                elif len(known) >= _SHORTEST_PART and known in name:
                    ranked.append((1000 - len(known), order, duty, operation))
    chosen: dict[str, str] = {}
    for _, _, duty, operation in sorted(ranked):
        if duty not in chosen and operation not in chosen.values():
            chosen[duty] = operation
    return chosen


def _duty(name: str, operation: Operation, words: DutyWords, given: set[str]) -> DutyDraft:
    requests = Requests(operation, words, frozenset(given))
    parameters = requests.lines()
    replies = Replies(name, operation, words)
    results = replies.lines()
    unusable = ""
    for group in words.needs:
        if not group & requests.used and name not in ("new_call", "gone"):
            unusable = f"none of its parameters looks like {' or '.join(sorted(group))}"
    for result in sorted(words.tells):
        if quoted(result) not in {line.value for line in results}:
            unusable = f"nothing in its reply looks like the {result}"
    return DutyDraft(
        name=name,
        operation=operation.name,
        parameters=parameters,
        results=results,
        values={**requests.values, **replies.values},
        outcomes=replies.outcomes(),
        unusable=unusable,
    )


def _settings(section: str, duties: Sequence[DutyDraft]) -> Iterator[Line]:
    usable = {duty.name for duty in duties if not duty.unusable}
    if section != "ivr_connector":
        return
    if "heartbeat" not in usable:
        about = "no heartbeat is mapped: a connection beside the agent channel is tried instead"
        yield Line("probe", quoted("tcp"), about)
    if "set_readiness" not in usable:
        about = "no set_readiness is mapped: 'not-ready' says so and does nothing"
        decide = '"withhold-gone" takes a channel out by keeping back its last Gone; "unsupported" does not'
        yield Line("not_ready_by", quoted("unsupported"), about, decide)
        yield Line("gone_at_sign_on", "false", "whether idle channels are freed by a Gone when the link comes up")
