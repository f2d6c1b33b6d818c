"""The line of each key, held against what tomllib sees."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from agentchan.config.faults import Place, key_text, quoted
from agentchan.config.key_lines import key_lines


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every key and list item that tomllib has read."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in inner:
        yield (*place, step)
        yield from places(below, (*place, step))


EXAMPLE = """\
# 1
top = 1
dotted . "quo ted" . 'lit.eral' = "a # no comment"

[table]
text = \"\"\"
[no.table]
no = "key" \\
\"\"\"\"\"
after = '''
a'''''
list = [ # 12
  1, 2,

  [3,
   { inline.key = 'x', other = [ "]", '}' ] }],
] # 17
date = 1979-05-27T07:32:00Z # 18
"\\u0065sc\\t\\"" = {}

[[many]]
a = 1
[many.sub]
b = 2
[[many]] # 25
[[many.below]]
a = -inf
[[many.below]]
[many.below.deep]
c = 0x1F
[late.child]
[late]
"""


def test_every_form_of_toml_is_located() -> None:
    """Comments, strings over several lines, nested lists and tables do not mislead the scanner."""
    assert key_lines(EXAMPLE) == {
        ("top",): 2,
        ("dotted",): 3,
        ("dotted", "quo ted"): 3,
        ("dotted", "quo ted", "lit.eral"): 3,
        ("table",): 5,
        ("table", "text"): 6,
        ("table", "after"): 10,
        ("table", "list"): 12,
        ("table", "list", 0): 13,
        ("table", "list", 1): 13,
        ("table", "list", 2): 15,
        ("table", "list", 2, 0): 15,
        ("table", "list", 2, 1): 16,
        ("table", "list", 2, 1, "inline"): 16,
        ("table", "list", 2, 1, "inline", "key"): 16,
        ("table", "list", 2, 1, "other"): 16,
        ("table", "list", 2, 1, "other", 0): 16,
        ("table", "list", 2, 1, "other", 1): 16,
        ("table", "date"): 18,
        ("table", 'esc\t"'): 19,
        ("many",): 21,
        ("many", 0): 21,
        ("many", 0, "a"): 22,
        ("many", 0, "sub"): 23,
        ("many", 0, "sub", "b"): 24,
        ("many", 1): 25,
        ("many", 1, "below"): 26,
        ("many", 1, "below", 0): 26,
        ("many", 1, "below", 0, "a"): 27,
        ("many", 1, "below", 1): 28,
        ("many", 1, "below", 1, "deep"): 29,
        ("many", 1, "below", 1, "deep", "c"): 30,
        ("late",): 32,
        ("late", "child"): 31,
    }
    assert set(key_lines(EXAMPLE)) == set(places(tomllib.loads(EXAMPLE)))


def test_windows_line_ends_count_once() -> None:
    """A file from Windows has the same lines."""
    assert key_lines(EXAMPLE.replace("\n", "\r\n")) == key_lines(EXAMPLE)


@define
class _Document:
    """Writes TOML and notes on which line it put each key."""

    draw: Any
    text: str = ""
    lines: dict[Place, int] = field(factory=dict)

    @property
    def line(self) -> int:
        return self.text.count("\n") + 1

    def choose(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def key(self, name: str) -> str:
        literal = "'" not in name and name.isprintable()
        return str(self.choose(key_text(name), quoted(name), f"'{name}'" if literal else quoted(name)))

    def blank(self) -> None:
        self.text += self.choose("", "", "\n", "  \n", "# [comment] = 1\n", '#"""\n\n')

    def value(self, place: Place, depth: int, breaks: bool) -> None:
        form = self.choose("scalar", "text", "list", "table") if depth < 3 else "scalar"
        if form == "list":
            self.text += "["
            for index in range(self.choose(0, 1, 3)):
                if breaks:
                    self.text += self.choose("", "\n", " # ], }\n\n", "\t")
                self.lines[*place, index] = self.line
                self.value((*place, index), depth + 1, breaks)
                self.text += self.choose(",", " ,", "\n," if breaks else ",")
            self.text += "]"
        elif form == "table":
            self.text += "{"
            names = self.draw(st.lists(NAMES, max_size=3, unique=True))
            for index, name in enumerate(names):
                self.text += ", " if index else " "
                self.pair((*place, name), name, depth + 1, breaks=False)
            self.text += "}"
        elif form == "text":
            content = self.draw(st.text('ab"\\#[]{}=,\n\t é', max_size=12))
            self.text += self.strings(content, breaks)
        else:
            self.text += self.choose("1", "-0.5e3", "true", "1979-05-27", "0xDEAD_BEEF", "07:32:00.5", "nan")

    def strings(self, content: str, breaks: bool) -> str:
        long_literal = "'''" + content.rstrip("'") + "'''"
        long_basic = '"""\n' + content.replace("\\", "\\\\").replace('"""', '""\\"').rstrip('"') + '"' + '"""'
        return str(self.choose(quoted(content), *((long_literal, long_basic) if breaks else ())))

    def pair(self, place: Place, name: str, depth: int, *, breaks: bool) -> None:
        self.lines.setdefault(place, self.line)
        self.text += self.key(name)
        if self.choose(True, False, False):
            below = self.draw(NAMES)
            place = (*place, below)
            self.lines.setdefault(place, self.line)
            self.text += self.choose(".", " . ") + self.key(below)
        self.text += self.choose("=", " = ", "\t= ")
        self.value(place, depth, breaks)

    def body(self, place: Place) -> None:
        for name in self.draw(st.lists(NAMES, max_size=3, unique=True)):
            self.blank()
            self.text += self.choose("", "  ")
            self.pair((*place, name), name, 0, breaks=True)
            self.text += self.choose("\n", " # [end\n")

    def whole(self) -> None:
        self.body(())
        taken = {place[0] for place in self.lines}
        for name in self.draw(st.lists(NAMES, max_size=4, unique=True)):
            if name in taken:
                continue
            self.blank()
            if self.choose(True, False):
                self.lines[name,] = self.line
                self.text += f"[ {self.key(name)} ]\n"
                self.body((name,))
                continue
            for index in range(self.choose(1, 3)):
                self.lines.setdefault((name,), self.line)
                self.lines[name, index] = self.line
                self.text += f"[[{self.key(name)}]] # one more\n"
                self.body((name, index))


NAMES = st.one_of(st.sampled_from(["a", "b", "c-d", "1", "e f"]), st.text('x".#=]\\\n é', max_size=3))


@st.composite
def documents(draw: Any) -> _Document:
    """TOML with the lines of its keys."""
    document = _Document(draw)
    document.whole()
    return document


@given(documents())
def test_every_key_is_found_where_it_was_written(document: _Document) -> None:
    """Whatever TOML there is, the scanner sees the keys that tomllib sees, each on its own line."""
    assert set(places(tomllib.loads(document.text))) == set(document.lines)
    assert key_lines(document.text) == document.lines
