"""Reads the documents: their headings, links and blocks of code, and the names that the program's own code has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "examples/README.md", ROOT / "tests/scenarios/README.md"]
)

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@frozen
class Block:
    """A block of code.

    Attributes:
        language: as it says itself; empty where it does not.
        line: of its begin, in its page.
    """

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """Where it is, as tests are named."""
        return f"{name_of(self.page)}:{self.line}"


def name_of(page: Path) -> str:
    """A page's path in the repository."""
    return str(page.relative_to(ROOT))


@cache
def text_of(page: Path) -> str:
    """All of a page."""
    return page.read_text(encoding="utf-8")


@cache
def prose_of(page: Path) -> str:
    """A page without its blocks of code."""
    return _BLOCK.sub("", text_of(page))


def blocks(*languages: str) -> list[Block]:
    """The blocks of code in these languages, of all pages."""
    return [
        Block(page, text_of(page)[: found.start()].count("\n") + 1, found[1], found[2])
        for page in PAGES
        for found in _BLOCK.finditer(text_of(page))
        if found[1] in languages
    ]


def codes(page: Path) -> list[str]:
    """What stands between single backticks."""
    return _CODE.findall(prose_of(page))


def links(page: Path) -> list[str]:
    """Where a page's links lead."""
    return _LINK.findall(_CODE.sub("", prose_of(page)))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = (re.sub(r"[^\w\- ]", "", title.lower()) for title in _HEADING.findall(prose_of(page)))
    return frozenset(title.strip().replace(" ", "-") for title in titles)


@cache
def calls() -> tuple[ast.Call, ...]:
    """Every call in the program's code; the lab and the command line have no part in the daemon."""
    return tuple(_calls())


def _calls() -> Iterator[ast.Call]:
    package = ROOT / "agentchan"
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] not in ("lab", "cli"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    """The name of what is called, the last of it."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def first_text(call: ast.Call) -> str | None:
    """The first argument, where it is a literal text."""
    return literal(call.args[0]) if call.args else None


def literal(node: ast.expr) -> str | None:
    """A literal text."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
