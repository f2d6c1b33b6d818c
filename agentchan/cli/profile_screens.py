"""Profiles as screens: what one is and does, what each duty's message looks like, and what was just begun."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

from agentchan.cli.tables import Column, paragraph, table
from agentchan.cli.words import Reader, count, shown

_LABEL = 19
_PARAMETERS = (Column("PARAMETER", flexible=True), Column("VALUE", flexible=True), Column("KIND", flexible=True))
_RESULTS = (Column("REPLY", flexible=True), Column("IS"), Column("WORDS", flexible=True))
_OUTCOMES = (Column("WHERE", flexible=True), Column("SAYS", flexible=True), Column("MEANS"))
_KIB = 1024


def show_screen(value: Mapping[str, Any], whom: Reader) -> list[str]:
    """A profile: what it is, what can be done with it, and what each duty is mapped to."""
    lines = [*_head(value, whom)]
    for duty in value["duties"]:
        lines += ["", _title(duty)]
        lines += _indented(_parameters(duty, whom))
        lines += _indented(_replies(duty, whom))
    lines += _left_out(value, whom)
    return lines


def check_screen(value: Mapping[str, Any], against: Sequence[str], comparison: Any, whom: Reader) -> list[str]:
    """What was proved: each message as it would go out, and what its reply becomes."""
    lines = [*_head(value, whom)]
    for duty in value["duties"]:
        lines += ["", _title(duty)]
        lines += [f"  {shown(name)}: {shown(text)}" for name, text in duty["headers"].items()]
        lines += ["", *(f"  {shown(line)}" for line in duty["message"].splitlines())]
        for problem in duty["problems"]:
            lines += paragraph(shown(problem), whom.room, click.style("  ! ", fg="yellow"))
        lines += _indented(_replies(duty, whom))
    lines += _left_out(value, whom)
    lines += ["", f"{click.style('✓', fg='green')} {shown(value['name'])}: no fault."]
    if comparison is not None:
        lines += _comparison(against, comparison, whom)
    return lines


def _comparison(against: Sequence[str], comparison: Any, whom: Reader) -> Iterator[str]:
    where = shown(" and ".join(against))
    for fault in comparison.faults:
        yield from paragraph(shown(fault), whom.room, click.style("✗ ", fg="red"))
    for change in comparison.changes:
        sign = click.style("· ", dim=True) if change.harmless else click.style("! ", fg="yellow")
        yield from paragraph(shown(change.text), whom.room, sign)
    if comparison.faults:
        yield f"{click.style('✗', fg='red')} It does not fit {where}: {count(len(comparison.faults), 'fault')}."
    else:
        grave = sum(not change.harmless for change in comparison.changes)
        remark = f", but {count(grave, 'difference')} to look at" if grave else ""
        yield f"{click.style('✓', fg='green')} It fits {where}{remark}."


def begun_screen(begun: Any, whom: Reader) -> list[str]:
    """What was begun, what is left to decide, and what to do next."""
    folder = shown(begun.folder)
    number = sum(len(bundle.origins) for bundle in begun.bundles)
    lines = [click.style(f"Fetched {count(number, 'file')}, and wrote them into {folder}/", bold=True)]
    for bundle in begun.bundles:
        for name, url in bundle.origins.items():
            size = max(1, round(len(bundle.files[name]) / _KIB))
            lines += paragraph(shown(url), whom.room, f"  {shown(name):<28} {size:>5} KiB  ")
        for note in bundle.notes:
            lines += paragraph(shown(note), whom.room, click.style("  ! ", fg="yellow"))
    lines += _unspoken(begun, whom)
    lines += _mapped(begun, whom)
    lines += _left(begun, whom)
    lines += ["", click.style("Next", bold=True)]
    path = f"{folder}/profile.toml"
    steps = [
        f"look at every line of {path}; all of it was guessed by names",
        f"agentchan profile check {folder}",
        f'set [ce] profile = "{shown(begun.folder.absolute())}" in the configuration',
        "agentchan doctor",
    ]
    for step in steps:
        lines += paragraph(step, whom.room, click.style("  → ", fg="cyan"))
    return lines


def _unspoken(begun: Any, whom: Reader) -> Iterator[str]:
    for service in begun.services:
        if service.unspoken:
            yield ""
            yield click.style(f"Cannot be spoken, of {shown(service.files.main)}", bold=True)
            for each in service.unspoken:
                yield from paragraph(shown(each), whom.room, "  · ")


def _mapped(begun: Any, whom: Reader) -> Iterator[str]:
    rows = []
    missing: list[str] = []
    for section in begun.draft.sections():
        for duty in section.duties:
            given = f"{duty.mapped} of {count(len(duty.parameters), 'parameter')}" if duty.parameters else "-"
            rows.append((duty.name, duty.operation, "a comment" if duty.unusable else given))
        missing += section.missing
    yield ""
    yield click.style("Mapped, by their names", bold=True)
    heads = (Column("DUTY"), Column("OPERATION", flexible=True), Column("PARAMETERS"))
    yield from _indented(table(heads, rows, whom.room - 2))
    if missing:
        yield from paragraph(f"No operation looks like {', '.join(missing)}.", whom.room, "  ")


def _left(begun: Any, whom: Reader) -> Iterator[str]:
    yield ""
    path = f"{begun.folder}/profile.toml"
    if begun.decisions:
        yield click.style("Left to decide", bold=True)
    for each in begun.decisions:
        key = f"{each.key} " if each.key else ""
        yield from paragraph(shown(f"{path}:{each.line}: {key}{each.text}"), whom.room, "  ", "      ")
    if begun.faults:
        yield click.style("Until then it cannot be loaded" if begun.decisions else "It cannot be loaded", bold=True)
        for fault in begun.faults:
            yield from paragraph(shown(fault), whom.room, click.style("  ✗ ", fg="red"))
    else:
        yield f"{click.style('✓', fg='green')} It can be loaded as it is."


def _head(value: Mapping[str, Any], whom: Reader) -> Iterator[str]:
    yield click.style(f"{shown(value['name'])}  ({shown(value['folder'])})", bold=True)
    for service in value["services"]:
        text = f"{service['version']}, port {service['port']}, {service['wsdl']}"
        more = len(service["files"]) - 1
        text += f" and {count(more, 'more file')}" if more else ""
        yield from paragraph(shown(text), whom.room, f"  {service['service']:<{_LABEL}}")
        yield from paragraph(shown(service["address"] or "no address"), whom.room, " " * (_LABEL + 2))
        for each in service["unspoken"]:
            yield from paragraph(shown(f"not spoken: {each}"), whom.room, " " * (_LABEL + 2))
    yield ""
    yield click.style("What can be done with it", bold=True)
    for ability in value["abilities"]:
        yield from paragraph(shown(ability), whom.room, "  · ")


def _title(duty: Mapping[str, Any]) -> str:
    return f"{click.style(duty['duty'], bold=True)} is {shown(duty['operation'])}"


def _parameters(duty: Mapping[str, Any], whom: Reader) -> list[str]:
    rows = [
        (each["path"], each["value"], f"{each['kind']}, {'required' if each['required'] else 'optional'}")
        for each in duty["parameters"]
    ]
    rows += [(path, "-", "not given") for path in duty["not_given"]]
    return table(_PARAMETERS, rows, whom.room - 2) if rows else []


def _replies(duty: Mapping[str, Any], whom: Reader) -> list[str]:
    lines: list[str] = []
    results = [
        (each["path"], each["result"], ", ".join(f"{their} = {ours}" for their, ours in each.get("words", {}).items()))
        for each in duty["results"]
    ]
    if results:
        lines += ["", *table(_RESULTS, results, whom.room - 2)]
    outcomes = [
        (
            each["path"] or "fault",
            " and ".join(filter(None, (each["fault"] and f"fault {each['fault']}", ", ".join(each["equals"]))))
            or "anything",
            each["means"],
        )
        for each in duty["outcomes"]
    ]
    if outcomes:
        lines += ["", *table(_OUTCOMES, outcomes, whom.room - 2)]
    return lines


def _left_out(value: Mapping[str, Any], whom: Reader) -> list[str]:
    lines: list[str] = []
    if value["not_mapped"]:
        lines += ["", *paragraph(f"Not mapped: {', '.join(value['not_mapped'])}.", whom.room)]
    others = [name for service in value["services"] for name in service["other_operations"]]
    if others:
        lines += ["", *paragraph(f"Operations that no duty needs: {shown(', '.join(others))}.", whom.room)]
    return lines


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" if line else "" for line in lines]
