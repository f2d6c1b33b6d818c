"""Writes a draft as a profile.toml that explains itself: what was guessed, and what is to be decided."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from agentchan.ce.errors import one_line
from agentchan.config.faults import key_text, quoted
from agentchan.profile_tools.drafts import Draft, DutyDraft, Line, OutcomeLine, SectionDraft

DECIDE = "DECIDE"
"""What stands where somebody has to decide something."""

_DECISION = re.compile(rf'# (?:(\S+) = "…" *# )?{DECIDE}:? (.*)')

_WIDTH = 40
"""Columns of what remarks stand behind."""

_WITHOUT: Mapping[str, str] = {
    "new_call": "without it there is nothing to be done: it is one of the two that every profile has",
    "gone": "without it there is nothing to be done: it is one of the two that every profile has",
    "open_session": "without it the agent channel is the kept connection itself",
    "set_readiness": "without it CE cannot be told that a channel is ready or not",
    "heartbeat": "without it the component link is the heartbeat, or the probe",
    "close_session": "without it the connection is closed, and CE finds out by itself",
    "get_status": 'without it nobody says which host is active: [ce] active_by = "connector-answers"',
    "watch_status": "without it a host is asked again and again, every poll_interval",
}


def profile_text(draft: Draft, origins: Sequence[str], path: str) -> str:
    """The text of profile.toml.

    Args:
        draft: what was guessed.
        origins: the URLs of the WSDLs.
        path: of the profile's folder, for the reader.
    """
    return "\n".join([*_head(draft, origins, path), *_body(draft)]) + "\n"


def _head(draft: Draft, origins: Sequence[str], path: str) -> Iterator[str]:
    yield "# A first site profile, made by 'agentchan profile init' from"
    yield from (f"#   {origin}" for origin in origins)
    yield "#"
    yield "# Everything in it was guessed by its name: look at each line. Behind each stands what the WSDL says of it."
    yield f"# Where nothing could be guessed stands {DECIDE}. What each duty's message looks like shows"
    yield f"#   agentchan profile check {path}"
    yield ""
    yield f"name = {quoted(draft.name)}"


def _body(draft: Draft) -> Iterator[str]:
    for section in draft.sections():
        yield from _section(section)
    if draft.component is None:
        yield from ("", "# No Component Service was given, so it is the connectors that tell which host is active:")
        yield '#   [ce] active_by = "connector-answers", and [agent_channel] connector_urls'


def _section(section: SectionDraft) -> Iterator[str]:
    yield from ("", f"[{section.section}]", f"wsdl = {quoted(section.wsdl)}")
    if section.port is not None:
        yield f"port = {quoted(section.port)}"
    for line in section.settings:
        yield from _decide(line.decide)
        yield _remarked(f"{line.path} = {line.value}", line.about)
    if section.unspoken:
        yield from ("", "# What cannot be spoken:")
        yield from (f"#   {one_line(each)}" for each in section.unspoken)
    if section.others:
        yield from ("", f"# Operations that no duty needs: {', '.join(section.others)}")
    if section.fault_results:
        yield from ("", "# What is what in the details of faults.", f"[{section.section}.fault_results]")
        yield from _lines(section.fault_results)
    if section.outcomes:
        yield from ("", "# What faults mean; any other is tried again until [signals] refuse_after, then refused.")
        yield from _outcomes(section.section, section.outcomes)
    for duty in section.duties:
        yield from _duty(section.section, duty)
    for name in section.missing:
        place = f"{section.section}.{name}"
        yield from ("", f"# [{place}]", f"# No operation looks like it; {_WITHOUT[name]}.", '# operation = "…"')


def _duty(section: str, duty: DutyDraft) -> Iterator[str]:
    yield ""
    if not duty.unusable:
        yield from _duty_lines(section, duty)
        return
    yield f"# {DECIDE}: {duty.operation} looks like {duty.name}, but {duty.unusable};"
    yield f"# {_WITHOUT[duty.name]}."
    yield from (f"# {line}" if not line.startswith("#") else line for line in _duty_lines(section, duty))


def _duty_lines(section: str, duty: DutyDraft) -> Iterator[str]:
    place = f"{section}.{duty.name}"
    yield from (f"[{place}]", f"operation = {quoted(duty.operation)}")
    if duty.name == "gone" and any("{call_token}" in (line.value or "") for line in duty.parameters):
        about = 'where NewCall\'s reply was lost; or "empty", or "refuse"'
        yield _remarked(f"call_token_missing = {quoted('call-id')}", about)
    if duty.parameters:
        yield f"[{place}.parameters]"
        yield from _lines(duty.parameters)
    if duty.results:
        yield f"[{place}.results]"
        yield from _lines(duty.results)
    for name, words in duty.values.items():
        yield f"[{place}.values.{name}]"
        yield from (f"{key_text(their)} = {quoted(ours)}" for their, ours in words.items())
    yield from _outcomes(place, duty.outcomes)


def _lines(lines: Iterable[Line]) -> Iterator[str]:
    for line in lines:
        key = key_text(line.path)
        if line.value is not None:
            yield _remarked(f"{key} = {line.value}", line.about)
        elif line.decide:
            yield _remarked(f'# {key} = "…"', f"{DECIDE} ({line.about}): {line.decide}")
        else:
            yield _remarked(f'# {key} = "…"', line.about)


def _outcomes(place: str, outcomes: Iterable[OutcomeLine]) -> Iterator[str]:
    said = ""
    for outcome in outcomes:
        mark = "# " if outcome.decide else ""
        if outcome.decide != said:
            yield from _decide(outcome.decide)
            said = outcome.decide
        yield f"{mark}[[{place}.outcomes]]"
        yield from (f"{mark}{key} = {value}" for key, value in outcome.keys.items())


@frozen
class Decision:
    """Something that somebody has to decide.

    Attributes:
        line: where it stands in profile.toml, counted from 1.
        key: the parameter or result that is meant; empty if it is none.
        text: what has to be decided.
    """

    line: int
    key: str
    text: str


def decisions(text: str) -> tuple[Decision, ...]:
    """What a profile.toml says is to be decided."""
    lines = text.splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith("name = ")), 0)
    found = []
    for number, line in enumerate(lines[first:], first + 1):
        match = _DECISION.match(line)
        if match is not None:
            found.append(Decision(number, match[1] or "", match[2]))
    return tuple(found)


def _decide(what: str) -> Iterator[str]:
    if what:
        yield f"# {DECIDE}: {one_line(what)}"


def _remarked(text: str, about: str) -> str:
    return f"{text.ljust(_WIDTH)}  # {one_line(about)}" if about else text
