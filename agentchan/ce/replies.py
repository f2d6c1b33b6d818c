"""Replies: what an element of a reply means, compiled from a WSDL's shapes and a profile's results and outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from attrs import define, field, frozen
from lxml import etree

from agentchan.ce.shapes import Shape
from agentchan.ce.xml_input import local_name, text_of
from agentchan.vocabulary import Meaning

_MOST_WORDS = 200
"""Texts of a fault's detail that are looked at; a longer detail is no answer to one small request."""


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
    """What was found in a reply.

    Attributes:
        texts: by result.
        several: of results that may come several times, every one.
        reports: the results of each ``report``.
    """

    texts: dict[str, str] = field(factory=dict)
    several: dict[str, list[str]] = field(factory=dict)
    reports: list[dict[str, str]] = field(factory=list)


@frozen
class _Node:
    """What is done with an element: keep its text as a result, look into it, begin a report."""

    result: str | None = None
    report: bool = False
    children: Mapping[str, _Node] = field(factory=dict)
    attributes: Mapping[str, str] = field(factory=dict)


REPORT = "report"


@frozen
class ReplyReader:
    """Reads the results of one operation's replies.

    Attributes:
        shape: of the element in the body; None where the operation has no reply.
    """

    shape: Shape | None
    _root: _Node
    _outcomes: tuple[Outcome, ...]

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
        return cls(shape, _node(shape, "", results, reports), tuple(each for each in outcomes if each.fault is None))

    def read(self, element: etree._Element) -> Found:
        """The results in a reply's element."""
        found = Found()
        _collect(element, self._root, found, found.texts)
        return found

    def meaning(self, element: etree._Element) -> Meaning | None:
        """What a good reply means by the outcomes, None if none matches."""
        for outcome in self._outcomes:
            if any(_equal(text, outcome.equals) for text in texts_at(element, outcome.path or "")):
                return outcome.means
        return None


def _node(shape: Shape | None, path: str, results: Mapping[str, str], reports: str | None) -> _Node:
    """What is done with the element at a path."""
    if shape is None:
        return _Node()
    prefix = f"{path}/" if path else ""
    children = {}
    for child in shape.children:
        inner = f"{prefix}{child.name}"
        wanted = inner in results or inner == reports
        if wanted or any(each.startswith(f"{inner}/") for each in results):
            children[child.tag] = _node(child, inner, results, reports)
    attributes = {
        attribute.tag: results[inner]
        for attribute in shape.attributes
        if (inner := f"{prefix}@{attribute.name}") in results
    }
    return _Node(results.get(path) if path else None, bool(path) and path == reports, children, attributes)


def _collect(element: etree._Element, node: _Node, found: Found, texts: dict[str, str]) -> None:
    if node.report:
        texts = {}
        found.reports.append(texts)
    if node.result is not None:
        _keep(node.result, text_of(element), found, texts)
    for tag, result in node.attributes.items():
        value = element.get(tag)
        if value is not None:
            _keep(result, " ".join(value.split()), found, texts)
    children = node.children
    if children:
        for child in element:
            inner = children.get(child.tag)
            if inner is not None:
                _collect(child, inner, found, texts)


def _keep(result: str, text: str, found: Found, texts: dict[str, str]) -> None:
    texts.setdefault(result, text)
    found.several.setdefault(result, []).append(text)


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

    def read(self, detail: etree._Element | None) -> Found:
        """The results in a fault's detail."""
        found = Found()
        if detail is None:
            return found
        for path, result in self.results.items():
            for text in texts_at(detail, path):
                _keep(result, text, found, found.texts)
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
    """The texts at a path below an element, by names without namespaces; ``""`` is the element itself."""
    here: list[Any] = [element]
    for name in path.split("/") if path else ():
        if name.startswith("@"):
            for each in here:
                for attribute, value in each.attrib.items():
                    if str(attribute).rpartition("}")[2] == name[1:]:
                        yield " ".join(str(value).split())
            return
        here = [child for each in here for child in each if local_name(child) == name]
    for each in here:
        yield text_of(each)


def _equal(text: str, allowed: tuple[str, ...]) -> bool:
    return not allowed or text in allowed
