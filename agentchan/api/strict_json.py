"""JSON from outside, strictly (RFC 8259 with the ambiguities of section 4 and 9 refused)."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from agentchan.api.refusals import Malformed

_DEEPEST = 16
"""Levels. The deepest body of this API has three."""


def parse(data: bytes) -> Any:
    """The value of a body.

    Raises:
        Malformed: not UTF-8, not JSON, a name twice in an object, NaN or infinity, nested too deeply.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"byte {error.start} of the body is not UTF-8") from None
    if not text.strip():
        raise Malformed("the body is empty; it must be a JSON object")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        what = error.msg if isinstance(error, json.JSONDecodeError) else "a number has too many digits"
        raise Malformed(f"the body is not JSON: {what}{where}") from None
    _check_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise Malformed(f"the body has {twice[:64]!r} twice in one object")
    return value


def _no_number(text: str) -> NoReturn:
    raise Malformed(f"the body has {text}, which is not JSON")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> Malformed:
    return Malformed(f"the body is nested more than {_DEEPEST} levels deep")
