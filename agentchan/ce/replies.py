"""Replies: what an element of a reply means, compiled from a WSDL's shapes and a profile's results and outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from attrs import define, evolve, field, frozen
from lxml import etree

from agentchan.ce.shapes import ITSELF, AttributeShape, Kind, Shape
from agentchan.ce.xml_input import collapsed, local_name, text_of
from agentchan.vocabulary import Meaning

_MOST_WORDS = 200
"""Texts of a fault's detail that are looked at; a longer detail is no answer to one small request."""

_BOOLEANS = {"1": "true", "0": "false"}
"""The other form of each boolean, which means the same."""

_LONGEST_TEXT = 2000
"""Characters of a result; a longer one is no name, number or token."""


@frozen
class Outcome:
    """What an answer means (profile.md, ``outcomes``).

    Attributes:
        means: what it means.
        fault: a pattern for a fault's code, text, or a name or text in its detail; None: not for faults.
        path: of the result, or with ``fault`` of the fault's detail, that is looked at.
        equals: what must stand there; empty: anything.
    """

    means: Meaning
    fault: str | None = None
    path: str | None = None
    equals: tuple[str, ...] = ()


@define
class Found:
    """What was found in a reply; what is empty was not found.

    Attributes:
        texts: by result, the first of each.
        reports: the results of each report of a channel.
        looked_at: by path of an outcome, every text there.
    """

    texts: dict[str, str] = field(factory=dict)
    reports: list[dict[str, str]] = field(factory=list)
    looked_at: dict[str, list[str]] = field(factory=dict)


@frozen
class _Text:
    """What is done with a text.

    Attributes:
        result: what it is kept as; None: it is none.
        outcome: the path under which outcomes look at it; None: they do not.
        kind: what it is.
    """

    result: str | None
    outcome: str | None
    kind: Kind


@frozen
class _Node:
    """What is done with an element: keep its text, look into it, begin a report."""

    text: _Text | None = None
    report: bool = False
    children: Mapping[str, _Node] = field(factory=dict)
    attributes: Mapping[str, _Text] = field(factory=dict)
    leaf: bool = field(init=False)

    @leaf.default
    def _is_leaf(self) -> bool:
        return not (self.report or self.children or self.attributes)


@frozen
class ReplyReader:
    """Reads the results of one operation's replies.

    Attributes:
        shape: of the element in the body; None where the operation has no reply.
        outcomes: what means what; the first that matches counts.
    """

    shape: Shape | None
    outcomes: tuple[Outcome, ...]
    _root: _Node

    @classmethod
    def compile(
        cls, shape: Shape | None, results: Mapping[str, str], reports: str | None, outcomes: Sequence[Outcome]
    ) -> ReplyReader:
        """Compile the reply of a shape.

        Args:
            shape: of the element in the body.
            results: what each path is.
            reports: the path of what is repeated for each channel, None if nothing is.
            outcomes: what means what; the first that matches counts.
        """
        own = tuple(_as_read(each, shape) for each in outcomes if each.fault is None)
        compiler = _Compiler(results, frozenset(each.path for each in own if each.path is not None), reports)
        return cls(shape, own, _Node() if shape is None else compiler.node(shape, ITSELF, ""))

    def read(self, element: etree._Element) -> Found:
        """The results in a reply's element.

        Raises:
            ValueError: one of them is too long to be anything.
        """
        found = Found()
        _collect(element, self._root, found, found.texts)
        return found

    def meaning(self, found: Found) -> Meaning | None:
        """What a good reply means by the outcomes, None if none matches."""
        for outcome in self.outcomes:
            texts = found.looked_at.get(outcome.path or "", ())
            if texts and (not outcome.equals or any(text in outcome.equals for text in texts)):
                return outcome.means
        return None


def _as_read(outcome: Outcome, shape: Shape | None) -> Outcome:
    """An outcome with booleans in the form in which they are read."""
    target = shape.find(outcome.path) if shape is not None and outcome.path is not None else None
    if target is None or target.kind is not Kind.BOOLEAN:
        return outcome
    return evolve(outcome, equals=tuple(_BOOLEANS.get(text, text) for text in outcome.equals))


@frozen
class _Compiler:
    """Compiles what is done with a reply."""

    results: Mapping[str, str]
    looked_at: frozenset[str]
    reports: str | None

    def node(self, shape: Shape, path: str, prefix: str) -> _Node:
        """What is done with the element at a path, and with what is in it, whose paths begin with the prefix."""
        named = {*self.results, *self.looked_at, self.reports or path}
        children = {}
        for child in shape.children:
            inner = f"{prefix}{child.name}"
            if inner in named or any(each.startswith(f"{inner}/") for each in named):
                children[child.tag] = self.node(child, inner, f"{inner}/")
        attributes = {}
        for attribute in shape.attributes:
            text = self._text(attribute, f"{prefix}@{attribute.name}")
            if text is not None:
                attributes[attribute.tag] = text
        return _Node(self._text(shape, path), path == self.reports, children, attributes)

    def _text(self, shape: Shape | AttributeShape, path: str) -> _Text | None:
        result, outcome = self.results.get(path), path if path in self.looked_at else None
        return None if result is None and outcome is None else _Text(result, outcome, shape.kind or Kind.TEXT)


def _collect(element: etree._Element, node: _Node, found: Found, texts: dict[str, str]) -> None:
    if node.report:
        texts = {}
        found.reports.append(texts)
    if node.text is not None:
        _keep(node.text, element.text or "", found, texts)
    for tag, text in node.attributes.items():
        value = element.get(tag)
        if value is not None:
            _keep(text, value, found, texts)
    children = node.children
    for child in element if children else ():
        inner = children.get(child.tag)
        if inner is None:
            continue
        if inner.leaf and inner.text is not None:
            _keep(inner.text, child.text or "", found, texts)
        else:
            _collect(child, inner, found, texts)


def _keep(text: _Text, value: str, found: Found, texts: dict[str, str]) -> None:
    if text.outcome is not None:
        seen = collapsed(value)
        found.looked_at.setdefault(text.outcome, []).append(
            _BOOLEANS.get(seen, seen) if text.kind is Kind.BOOLEAN else seen
        )
    if text.result is None:
        return
    if text.kind is not Kind.TEXT:
        value = collapsed(value)
    if len(value) > _LONGEST_TEXT:
        raise ValueError(f"its {text.result} has {len(value)} characters")
    if value and text.result not in texts:
        texts[text.result] = value


@frozen
class FaultReader:
    """Reads faults.

    Attributes:
        outcomes: what means what; the first that matches counts.
        results: what each path of the detail is.
    """

    outcomes: tuple[Outcome, ...]
    results: Mapping[str, str]

    def meaning(self, words: Sequence[str], detail: etree._Element | None) -> Meaning | None:
        """What a fault means by the outcomes, None if none matches.

        Args:
            words: its code and text.
            detail: its detail, if it has one.
        """
        every = [*words, *(_words(detail) if detail is not None else ())]
        for outcome in self.outcomes:
            if outcome.fault is None or not any(fnmatchcase(word, outcome.fault) for word in every):
                continue
            if outcome.path is None:
                return outcome.means
            if detail is not None and any(_equal(text, outcome.equals) for text in texts_at(detail, outcome.path)):
                return outcome.means
        return None

    def read(self, detail: etree._Element | None) -> dict[str, list[str]]:
        """The results in a fault's detail: of each, every text that is not empty.

        Raises:
            ValueError: one of them is too long to be anything.
        """
        found: dict[str, list[str]] = {}
        if detail is None:
            return found
        for path, result in self.results.items():
            for text in texts_at(detail, path):
                if len(text) > _LONGEST_TEXT:
                    raise ValueError(f"its {result} has {len(text)} characters")
                if text:
                    found.setdefault(result, []).append(text)
        return found


def _words(detail: etree._Element) -> Iterator[str]:
    """The names and texts in a detail, the first few."""
    left = _MOST_WORDS
    for element in detail.iter():
        if element is detail:
            continue
        yield local_name(element)
        if len(element) == 0:
            yield text_of(element)
        left -= 1
        if not left:
            return


def texts_at(element: etree._Element, path: str) -> Iterator[str]:
    """The texts at a path below an element, by names without namespaces; ``.`` is the element itself."""
    here: list[Any] = [element]
    for name in () if path == ITSELF else path.split("/"):
        if name.startswith("@"):
            for each in here:
                for attribute, value in each.attrib.items():
                    if str(attribute).rpartition("}")[2] == name[1:]:
                        yield collapsed(str(value))
            return
        here = [child for each in here for child in each if local_name(child) == name]
    for each in here:
        yield text_of(each)


def _equal(text: str, allowed: tuple[str, ...]) -> bool:
    return not allowed or text in allowed
