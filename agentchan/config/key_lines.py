"""On which line of a TOML file each key and each list item stands.

``tomllib`` reads the values but forgets where they stood. This scanner reads a text that ``tomllib`` has accepted, so
it need not find faults: it only has to know where keys begin and values end.
"""

from __future__ import annotations

import re

from attrs import define, field

from agentchan.config.faults import Place

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LITERAL = re.compile(r"'([^'\n]*)'")
_BASIC = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_LONG_LITERAL = re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL)
_LONG_BASIC = re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"""(?:"{0,2})', re.DOTALL)
_OTHER = re.compile(r"[^,\]}\n#]*")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


def key_lines(text: str) -> dict[Place, int]:
    """The line of every key, table and list item, counted from 1.

    A table is on the line of its own header if it has one, else where it is first mentioned.

    Args:
        text: TOML that ``tomllib.loads`` has accepted.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


def _unescaped(match: re.Match[str]) -> str:
    short, long, letter = match.groups()
    return chr(int(short or long, 16)) if short or long else _ESCAPED[letter]


@define
class _Scanner:
    text: str
    position: int = 0
    line: int = 1
    lines: dict[Place, int] = field(factory=dict)
    lists_of_tables: dict[Place, int] = field(factory=dict)
    """The place of each ``[[list]]`` and how many tables it has so far."""

    def document(self) -> None:
        table: Place = ()
        while self.skip(_BLANK) and self.position < len(self.text):
            table = self.header() if self.peek("[") else self.pair(table)

    def skip(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Go past what matches here, counting lines."""
        match = pattern.match(self.text, self.position)
        if match is None:
            raise ValueError(f"line {self.line} is not TOML")
        self.line += match.group().count("\n")
        self.position = match.end()
        return match

    def peek(self, start: str) -> bool:
        return self.text.startswith(start, self.position)

    def header(self) -> Place:
        """``[table]`` or ``[[list of tables]]``: gives the table that the pairs below it belong to."""
        listed = self.peek("[[")
        self.position += 2 if listed else 1
        *parents, last = self.key()
        self.position += 2 if listed else 1
        table: Place = ()
        for name in parents:
            table = self.mention((*table, name))
        table = (*table, last)
        if not listed:
            self.lines[table] = self.line
            return table
        self.lines.setdefault(table, self.line)
        index = self.lists_of_tables.get(table, 0)
        self.lists_of_tables[table] = index + 1
        self.lines[*table, index] = self.line
        return (*table, index)

    def newest(self, table: Place) -> Place:
        """The table itself, or the newest one of a list of tables."""
        count = self.lists_of_tables.get(table)
        return table if count is None else (*table, count - 1)

    def mention(self, table: Place) -> Place:
        self.lines.setdefault(table, self.line)
        return self.newest(table)

    def pair(self, table: Place) -> Place:
        """``key = value``; gives the table back, which is still the current one."""
        place = table
        for name in self.key():
            place = (*place, name)
            self.lines.setdefault(place, self.line)
        self.position += 1
        self.skip(_SPACE)
        self.value(place)
        return table

    def key(self) -> list[str]:
        """A dotted key, with the space around it; stops before ``=`` or ``]``."""
        names = []
        while True:
            self.skip(_SPACE)
            names.append(self.name())
            self.skip(_SPACE)
            if not self.peek("."):
                return names
            self.position += 1

    def name(self) -> str:
        if self.peek('"'):
            return _ESCAPE.sub(_unescaped, self.skip(_BASIC).group(1))
        if self.peek("'"):
            return self.skip(_LITERAL).group(1)
        return self.skip(_BARE).group()

    def value(self, place: Place) -> None:
        if self.peek("["):
            self.items(place)
        elif self.peek("{"):
            self.inline_table(place)
        else:
            self.skip(self.scalar())

    def scalar(self) -> re.Pattern[str]:
        for start, pattern in (
            ('"""', _LONG_BASIC),
            ("'''", _LONG_LITERAL),
            ('"', _BASIC),
            ("'", _LITERAL),
        ):
            if self.peek(start):
                return pattern
        return _OTHER

    def items(self, place: Place) -> None:
        index = 0
        self.position += 1
        while self.skip(_BLANK) and not self.peek("]"):
            self.lines[*place, index] = self.line
            self.value((*place, index))
            index += 1
            self.separator()
        self.position += 1

    def inline_table(self, place: Place) -> None:
        self.position += 1
        while self.skip(_BLANK) and not self.peek("}"):
            self.pair(place)
            self.separator()
        self.position += 1

    def separator(self) -> None:
        self.skip(_BLANK)
        if self.peek(","):
            self.position += 1
