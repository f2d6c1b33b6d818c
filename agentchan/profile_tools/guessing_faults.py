"""Guesses what the faults of a WSDL mean, and what is in their details."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentchan.ce.duties import FAULT_RESULTS
from agentchan.ce.shapes import ITSELF, Kind, Shape
from agentchan.ce.wsdl import Operation
from agentchan.config.faults import quoted
from agentchan.profile_tools.described import kind_of, leaves
from agentchan.profile_tools.drafts import Line, OutcomeLine
from agentchan.profile_tools.name_tables import MEANINGS, RESULTS
from agentchan.profile_tools.names import best, word_for

_LEAST_WORDS = 2
"""Words of a list that must have a meaning, so that the list is one of causes."""


def fault_outcomes(operations: Sequence[Operation]) -> tuple[OutcomeLine, ...]:
    """What the faults of these operations mean."""
    return tuple(outcome for shape in _details(operations) for outcome in _of_detail(shape))


def fault_results(operations: Sequence[Operation]) -> tuple[Line, ...]:
    """What is what in the details of their faults."""
    lines = []
    used: set[str] = set()
    for shape in _details(operations):
        for path, target in leaves(shape):
            guess = best(path, RESULTS, FAULT_RESULTS - used) if target.kind in (Kind.TEXT, Kind.TOKEN) else None
            if guess is not None and path != ITSELF and not target.enumeration:
                used.add(guess)
                lines.append(Line(f"{shape.name}/{path}", quoted(guess), kind_of(target)))
    return tuple(lines)


def _details(operations: Sequence[Operation]) -> Sequence[Shape]:
    """The elements in the details, each once."""
    return tuple({shape.tag: shape for operation in operations for shape in operation.faults}.values())


def _of_detail(shape: Shape) -> Iterator[OutcomeLine]:
    meaning = word_for(shape.name, MEANINGS)
    if meaning is not None:
        yield OutcomeLine({"fault": quoted(shape.name), "means": quoted(meaning)})
        return
    for path, target in leaves(shape):
        meanings = {word: word_for(word, MEANINGS) for word in target.enumeration}
        if sum(each is not None for each in meanings.values()) >= _LEAST_WORDS:
            place = f"{shape.name}/{path}" if path != ITSELF else shape.name
            yield from _of_words(shape, place, meanings)
            return
    decide = f"the WSDL has a fault {shape.name}: say what it means, or leave it at being tried again"
    yield OutcomeLine({"fault": quoted(f"*{shape.name}*"), "means": quoted("retry")}, decide)


def _of_words(shape: Shape, place: str, meanings: dict[str, str | None]) -> Iterator[OutcomeLine]:
    for word, meaning in meanings.items():
        keys = {"fault": quoted(shape.name), "path": quoted(place), "equals": quoted(word)}
        if meaning is not None:
            yield OutcomeLine({**keys, "means": quoted(meaning)})
        else:
            decide = f"what the fault {word} means could not be guessed"
            yield OutcomeLine({**keys, "means": quoted("retry")}, decide)
