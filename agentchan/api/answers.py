"""What a route answers, before it is bytes on a wire."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from attrs import field, frozen

from agentchan.api.refusals import Refused

SLICE = 100
"""Rows made into JSON in one turn of the reactor: about a millisecond."""

TEXT = "text/plain; charset=utf-8"


@frozen
class Answer:
    """A whole answer.

    Attributes:
        body: all of it, or its parts, each of which costs about a millisecond to make.
    """

    body: bytes | Iterator[bytes]
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@frozen
class EventStream:
    """A stream of server-sent events that does not end by itself.

    Attributes:
        last_id: the last event that the client has; None: it wants none of the past.
    """

    last_id: str | None = field(default=None)


def json_answer(value: Any, status: int = 200) -> Answer:
    """A JSON value, which must be small."""
    return Answer(_compact(value).encode() + b"\n", status)


def text_answer(text: str, status: int = 200) -> Answer:
    """A line of text."""
    return Answer(f"{text}\n".encode(), status, TEXT)


def rows_answer(name: str, rows: Iterable[Mapping[str, Any]], **fields: Any) -> Answer:
    """A list of rows as ``{…fields, "NAME": […]}``; in parts if it is long."""
    iterator = iter(rows)
    first = list(islice(iterator, SLICE))
    if len(first) < SLICE:
        return json_answer({**fields, name: first})
    return Answer(_parts(fields, name, chain(first, iterator)))


def _parts(fields: Mapping[str, Any], name: str, rows: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    lead = _compact({**fields, name: []})[:-2]
    while part := list(islice(rows, SLICE)):
        yield (lead + _compact(part)[1:-1]).encode()
        lead = ","
    yield b"]}\n"


def refusal_answer(refused: Refused) -> Answer:
    """An error as JSON."""
    answer = json_answer(refused.as_json(), refused.status)
    return Answer(answer.body, refused.status, answer.content_type, refused.headers)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
