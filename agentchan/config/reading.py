"""From the tables that tomllib read to values, collecting every problem on the way."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import define, field

from agentchan.config.faults import Place, Problem, WrongValueError, described, dotted
from agentchan.config.settings import Section, all_settings, sections_of, settings_of

_MOST_TABLES = 100
# Looking for the nearest key costs some 50 microseconds.
_MOST_SUGGESTIONS = 100


@define
class Reader:
    """Reads one configuration.

    Attributes:
        root: the class of the whole, which knows all keys.
        folder: what relative paths start from.
        supplied: values for keys that the file leaves out and that are not known before the program runs.
        problems: everything wrong so far.
        given: the keys that the file has.
    """

    root: type[attrs.AttrsInstance]
    folder: Path
    supplied: Mapping[Place, object]
    problems: list[Problem] = field(factory=list)
    given: set[Place] = field(factory=set)

    def whole(self, raw: Mapping[str, object]) -> Any:
        """The whole, with None or the default for what is faulty: usable only where ``sound`` says so."""
        return self._section(self.root, raw, ())

    def sound(self, *keys: str) -> bool:
        """Whether nothing is wrong with these dotted keys, nor above or below them."""
        places = [tuple(key.split(".")) for key in keys]
        faulty = [problem.place for problem in self.problems]
        return not any(bad[: len(place)] == place or place[: len(bad)] == bad for place in places for bad in faulty)

    def _section(self, model: type[attrs.AttrsInstance], raw: object, place: Place) -> Any:
        is_table = isinstance(raw, Mapping)
        table: Mapping[str, object] = raw if isinstance(raw, Mapping) else {}
        if not is_table:
            self.problems.append(Problem(place, f"is {described(raw)}", f"a table: [{dotted(place)}]"))
        values: dict[str, Any] = {}
        for name, about in settings_of(model):
            here = (*place, name)
            values[name] = about.make_default()
            if name in table:
                self.given.add(here)
            elif here not in self.supplied:
                if about.default is None and is_table:
                    self.problems.append(Problem(here, "is missing", about.kind.allowed))
                continue
            try:
                values[name] = about.kind.read(table.get(name, self.supplied.get(here)), self.folder)
            except WrongValueError as error:
                self.problems += [Problem((*here, *each.place), each.wrong, each.allowed) for each in error.problems]
        for name, below in sections_of(model):
            values[name] = self._below(below, table.get(name), (*place, name))
        self._unknown(table, values, place)
        return model(**values)

    def _below(self, below: Section, raw: object, place: Place) -> Any:
        if below.listed:
            return self._tables(below, [] if raw is None else raw, place)
        if raw is None and below.optional:
            return None
        return self._section(below.model, {} if raw is None else raw, place)

    def _tables(self, below: Section, raw: object, place: Place) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            self.problems.append(Problem(place, f"is {described(raw)}", f"a list of tables: [[{dotted(place)}]]"))
            return ()
        if len(raw) > _MOST_TABLES:
            self.problems.append(Problem(place, f"has {len(raw)} entries", f"at most {_MOST_TABLES}"))
            return ()
        return tuple(self._section(below.model, item, (*place, index)) for index, item in enumerate(raw))

    def _unknown(self, table: Mapping[str, object], known: Iterable[str], place: Place) -> None:
        names = list(known)
        unknown = [name for name in table if name not in names]
        for index, name in enumerate(unknown):
            remedy = self._suggestion(name, names, place) if index < _MOST_SUGGESTIONS else _known_here(names)
            self.problems.append(Problem((*place, name), "is no known key", remedy))

    def _suggestion(self, name: str, siblings: list[str], place: Place) -> str:
        """The nearest known key: of that very name in one other section, else alike beside it, else alike anywhere."""
        every = [".".join(keys) for keys, _ in all_settings(self.root)]
        elsewhere = [key for key in every if key.rpartition(".")[2] == name]
        if len(elsewhere) == 1:
            return f'did you mean "{elsewhere[0]}"?'
        whole = ".".join(str(step) for step in (*place, name))
        nearest = (
            difflib.get_close_matches(name, siblings, n=1, cutoff=0.6)
            or difflib.get_close_matches(whole, every, n=1, cutoff=0.7)
            or elsewhere
        )
        if nearest:
            return f'did you mean "{nearest[0]}"?'
        return _known_here(siblings)


def _known_here(names: Iterable[str]) -> str:
    return f"known here: {', '.join(names)}"
