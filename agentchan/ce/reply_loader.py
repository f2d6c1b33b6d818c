"""What comes out of a duty's answers: a profile's ``results`` and ``outcomes`` as readers, checked against the WSDL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from agentchan.ce.duties import CHANNEL, FAULT_RESULTS, REPORT_RESULTS, VALUES, DutyWords, words_for
from agentchan.ce.profile_reading import ProfileText, Words, suggestion
from agentchan.ce.replies import FaultReader, Outcome, ReplyReader
from agentchan.ce.shapes import ITSELF, AttributeShape, Kind, Shape
from agentchan.ce.wsdl import Operation
from agentchan.config.faults import Place, described, quoted
from agentchan.vocabulary import Meaning

_OUTCOME = ("path", "equals", "fault", "means")
_MEANINGS = tuple(meaning.value for meaning in Meaning)


@frozen
class Shared:
    """What all duties of a section have in common: outcomes of faults, and results of their details."""

    outcomes: tuple[Outcome, ...] = ()
    fault_results: Mapping[str, str] = field(factory=dict)


def load_shared(text: ProfileText, section: str, operations: Iterable[Operation]) -> Shared:
    """What stands in a section for all its duties."""
    place = (section, "fault_results")
    faults = [shape for operation in operations for shape in operation.faults]
    results = text.texts(place)
    for path, result in results.items():
        if result not in FAULT_RESULTS:
            text.fault((*place, path), f"is {quoted(result)}", suggestion(result, FAULT_RESULTS))
        _in_detail(text, (*place, path), path, faults)
    return Shared(tuple(_outcomes(text, (section, "outcomes"), None, faults)), results)


class ReplyLoader:
    """Loads the results and outcomes of one duty.

    Args:
        text: the profile.
        place: of the duty's table.
        like: of the table whose results count where it has none of its own.
        operation: whose answers they are.
        words: what its mapping may speak of.
        values: the site's words.
    """

    def __init__(
        self,
        text: ProfileText,
        place: tuple[str, str],
        like: tuple[str, str],
        operation: Operation,
        words: DutyWords,
        *,
        values: Words,
    ) -> None:
        self._text = text
        self._place = place
        self._results_place = (*(place if text.has((*place, "results")) else like), "results")
        self._operation = operation
        self._words = words
        self._values = values

    def load(self, shared: Shared) -> tuple[dict[str, str], ReplyReader, FaultReader]:
        """The results by path, and what reads replies and faults."""
        results, reports = self._results()
        operation = self._operation
        own = _outcomes(self._text, (*self._place, "outcomes"), operation, operation.faults)
        outcomes = (*own, *shared.outcomes)
        reply = ReplyReader.compile(operation.reply, results, reports, outcomes)
        return results, reply, FaultReader(outcomes, shared.fault_results)

    def constants(self) -> dict[str, str]:
        """What the SOAP door says in its own replies, by path."""
        place = (*self._place, "reply")
        found = self._text.texts(place)
        if found and not self._words.call_signal:
            self._text.fault(place, "has no meaning here", "the SOAP door replies to new_call and gone only")
        for path in found:
            if _target(self._operation, path) is None:
                _not_in_reply(self._text, (*place, path), path, self._operation)
        return found

    def _results(self) -> tuple[dict[str, str], str | None]:
        """The results by path, and the path of the reports."""
        text, place = self._text, self._results_place
        table = text.table(place)
        reports = self._reports(table)
        found: dict[str, str] = {}
        for path, value in table.items():
            here, target = (*place, path), _target(self._operation, path)
            if target is None:
                _not_in_reply(text, here, path, self._operation)
            elif not isinstance(value, str | dict):
                text.fault(here, f"is {described(value)}", "the name of a result")
            elif isinstance(value, str) and self._is_result(here, target, value, reports):
                found[path] = value
                self._check_words(here, target, value)
        if reports is not None and not any(
            result == "channel" and path.startswith(f"{reports}/") for path, result in found.items()
        ):
            text.fault((*place, reports), "does not say which channel each is", f'"{reports}/…" = "channel"')
        for result in sorted(self._words.tells - set(found.values())):
            text.fault(place, f"name no {result}", f'"…" = "{result}": without it the answer says nothing')
        return found, reports

    def _is_result(self, place: Place, target: Shape | AttributeShape, value: str, reports: str | None) -> bool:
        path = str(place[-1])
        inside = reports is not None and (path == reports or path.startswith(f"{reports}/"))
        allowed = REPORT_RESULTS if inside else self._words.results
        if value not in allowed:
            self._text.fault(place, f"is {quoted(value)}", suggestion(value, allowed))
        elif isinstance(target, Shape) and target.kind is None:
            self._text.fault(place, "has elements in it, not a text", target.inner_paths(path))
        else:
            return True
        return False

    def _reports(self, table: Mapping[str, Any]) -> str | None:
        """The path of what is repeated for each channel."""
        text, place = self._text, self._results_place
        listed = [path for path, value in table.items() if isinstance(value, dict)]
        for path in listed:
            text.table((*place, path), ("each",))
            if not self._words.reports:
                text.fault((*place, path), "is a table", "the name of a result")
            elif table[path].get("each") != CHANNEL:
                text.fault((*place, path), "is a table", 'the name of a result, or { each = "channel" }')
            elif path != listed[0]:
                text.fault((*place, path), "is a second list of channels", "one")
        return listed[0] if listed and self._words.reports else None

    def _check_words(self, place: Place, target: Shape | AttributeShape, result: str) -> None:
        """Whether every word that the WSDL lists for a result has one of ours."""
        allowed = words_for(result, self._place[1]) if result in VALUES else None
        theirs = target.enumeration
        if allowed is None or not theirs:
            return
        own = self._text.table((*self._place, "values", result))
        mapped = {**self._values.get(result, {}), **own}
        strange = [word for word in theirs if word not in mapped and word not in allowed]
        if strange:
            wrong = f"may be {', '.join(map(quoted, strange))} by the WSDL, which values.{result} does not explain"
            self._text.fault(place, wrong, f"map each to {' or '.join(map(quoted, sorted(allowed)))}")
        for word in own:
            if word not in theirs:
                here = (*self._place, "values", result, word)
                self._text.fault(here, "is no word of the WSDL", suggestion(word, theirs))


def _outcomes(
    text: ProfileText, place: Place, operation: Operation | None, faults: Sequence[Shape]
) -> Iterator[Outcome]:
    """The outcomes in a list; without an operation those that all duties share, which are about faults."""
    for index, entry in enumerate(text.tables(place)):
        here = (*place, index)
        text.table(here, _OUTCOME)
        fault, path = text.text((*here, "fault")), text.text((*here, "path"))
        target: Shape | AttributeShape | None = None
        if path is None:
            if fault is None:
                text.fault(here, "looks at nothing", "path, fault, or both")
        elif fault is not None:
            target = _in_detail(text, (*here, "path"), path, faults)
        elif operation is None:
            text.fault(here, "has no fault beside its path", "replies are looked at in a duty's own outcomes")
        else:
            target = _target(operation, path)
            if target is None:
                _not_in_reply(text, (*here, "path"), path, operation)
        equals = _equals(text, (*here, "equals"), entry.get("equals", []))
        _check_equals(text, (*here, "equals"), equals, target)
        means = text.required_text((*here, "means"), ", ".join(_MEANINGS))
        if means in _MEANINGS:
            yield Outcome(Meaning(means), fault, path, equals)
        elif means is not None:
            text.fault((*here, "means"), f"is {quoted(means)}", suggestion(means, _MEANINGS))


def _equals(text: ProfileText, place: Place, value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        text.fault(place, f"is {described(value)}", 'a string or a list of strings, such as "2"')
        return ()
    return tuple(values)


def _check_equals(
    text: ProfileText, place: Place, equals: Sequence[str], target: Shape | AttributeShape | None
) -> None:
    """Whether what must stand somewhere can stand there by the WSDL."""
    known = target.enumeration if target is not None else ()
    if target is not None and target.kind is Kind.BOOLEAN:
        known = ("true", "false", "1", "0")
    for each in equals if known else ():
        if each not in known:
            text.fault(place, f"is {quoted(each)}, which the WSDL does not have there", suggestion(each, known))


def _in_detail(text: ProfileText, place: Place, path: str, faults: Sequence[Shape]) -> Shape | AttributeShape | None:
    """What a path leads to in a fault's detail, where the WSDL declares a fault of that name."""
    name, _, rest = path.partition("/")
    declared = [shape for shape in faults if shape.name == name]
    found = [target for shape in declared if (target := shape.find(rest or ITSELF)) is not None]
    if declared and not found:
        wrong = f"is not in the fault {name}" if path == place[-1] else f"is {quoted(path)}, which is not in the fault"
        text.fault(place, wrong, suggestion(path, [f"{name}/{each}" for each in declared[0].known_paths()]))
    return found[0] if found else None


def _target(operation: Operation, path: str) -> Shape | AttributeShape | None:
    return operation.reply.find(path) if operation.reply is not None else None


def _not_in_reply(text: ProfileText, place: Place, path: str, operation: Operation) -> None:
    named = "" if path == place[-1] else f"{quoted(path)}, which is "
    allowed = "it has none by the WSDL" if operation.reply is None else suggestion(path, operation.reply.known_paths())
    text.fault(place, f"is {named}not in the reply of {operation.name}", allowed)
