"""The table of everything that can be asked (interfaces.md 3), and which door answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import field, frozen

from agentchan.api import reading
from agentchan.api.answers import Answer, EventStream, json_answer, rows_answer, text_answer
from agentchan.api.asked import Asked, decoded_segment
from agentchan.api.operator import Operator
from agentchan.api.refusals import Refused
from agentchan.api.requests import SoapAnswer

SOAP_PATH = "/IVRConnector"
_WORDS = {True: "yes", False: "no", None: "unknown"}

Present = Callable[[Asked, Any], Answer | EventStream]


@frozen
class Route:
    """One line of the table.

    Attributes:
        method: in capitals; GET answers HEAD too.
        path: segments in braces are variable.
        read: makes the value that the daemon is asked with; pure; raises Refused.
        ask: asks the daemon; returns its answer or a Deferred of it.
        present: makes its answer ours.
        on_listen: whether the TCP door has it (T in interfaces.md).
        names_who: whether the daemon is told who asks.
    """

    method: str
    path: str
    read: Callable[[Asked], Any]
    ask: Callable[[Operator, Any], Any]
    present: Present
    on_listen: bool = False
    names_who: bool = False


def _json(_: Asked, value: Mapping[str, Any]) -> Answer:
    return json_answer(value)


def _rows(name: str) -> Present:
    def present(_: Asked, rows: Iterable[Mapping[str, Any]]) -> Answer:
        return rows_answer(name, rows)

    return present


def _signal(_: Asked, value: Mapping[str, Any]) -> Answer:
    return json_answer(value, 200 if value.get("fate") == "confirmed" else 202)


def _node(key: str) -> Present:
    def present(asked: Asked, value: Mapping[str, Any]) -> Answer:
        return text_answer(_WORDS[value[key]]) if asked.prefers_text() else json_answer(value)

    return present


def _health(key: str) -> Present:
    def present(asked: Asked, value: Mapping[str, Any]) -> Answer:
        status = 200 if value[key] else 503
        if asked.prefers_text():
            return text_answer("\n".join(["ok"] if value[key] else value["reasons"]), status)
        return json_answer(value, status)

    return present


def _reloaded(_: Asked, value: Mapping[str, Any]) -> Answer:
    if not value["faults"]:
        return json_answer(value)
    count = len(value["faults"])
    message = f"the configuration has {count} fault{'s' * (count > 1)}; the old one stays in force"
    return json_answer({"error": {"code": "configuration-faulty", "message": message}, **value}, 422)


def _metrics(_: Asked, value: tuple[str, bytes]) -> Answer:
    return Answer(value[1], content_type=value[0])


def _soap(_: Asked, value: SoapAnswer) -> Answer:
    return Answer(value.body, value.status, value.content_type)


def _ask_events(operator: Operator, last_id: str | None) -> Any:
    return operator.feed, last_id


def _events(asked: Asked, value: Any) -> Answer | EventStream:
    feed, last_id = value
    if asked.prefers_events():
        return EventStream(last_id)
    batch = feed.since(last_id)
    return rows_answer("events", (event.as_json() for event in batch.events), missed=batch.missed)


def _row(
    method: str,
    path: str,
    read: Callable[[Asked], Any],
    ask: Callable[[Operator, Any], Any],
    present: Present = _json,
    *flags: str,
) -> Route:
    return Route(method, path, read, ask, present, "T" in flags, "who" in flags)


TABLE: tuple[Route, ...] = (
    _row("POST", "/v1/new-call", reading.new_call, lambda o, v: o.new_call(v), _signal, "T", "who"),
    _row("POST", "/v1/gone", reading.gone, lambda o, v: o.gone(v), _signal, "T", "who"),
    _row("GET", "/v1/calls", reading.calls, lambda o, v: o.calls(v), _rows("calls")),
    _row("PUT", "/v1/calls", reading.put_calls, lambda o, v: o.put_calls(v), _json, "T", "who"),
    _row("GET", "/v1/failing-over", reading.nothing, lambda o, _: o.failing_over(), _node("failing_over"), "T"),
    _row("GET", "/v1/endpoint-available", reading.uri, lambda o, v: o.endpoint_available(v), _node("available"), "T"),
    _row("GET", "/v1/endpoints", reading.nothing, lambda o, _: o.endpoints(), _rows("endpoints")),
    _row("GET", "/livez", reading.nothing, lambda o, _: o.livez(), _health("live"), "T"),
    _row("GET", "/readyz", reading.nothing, lambda o, _: o.readyz(), _health("ready"), "T"),
    _row("GET", "/metrics", reading.nothing, lambda o, _: o.metrics(), _metrics, "T"),
    _row("POST", SOAP_PATH, reading.soap, lambda o, v: o.soap(v), _soap, "T", "who"),
    _row("GET", SOAP_PATH, reading.wsdl, lambda o, v: o.wsdl(*v), _soap, "T"),
    _row("GET", "/v1/status", reading.nothing, lambda o, _: o.status()),
    _row("GET", "/v1/channels", reading.channel_names, lambda o, v: o.channels(v), _rows("channels")),
    _row("GET", "/v1/explain", reading.one_name, lambda o, v: o.explain(v)),
    _row("GET", "/v1/timing", reading.nothing, lambda o, _: o.timing()),
    _row("GET", "/v1/signals", reading.signals, lambda o, v: o.signals(v), _rows("signals")),
    _row("GET", "/v1/signals/{id}", reading.signal_id, lambda o, v: o.signal(v)),
    _row("POST", "/v1/signals/{id}/retry", reading.signal_request, lambda o, v: o.retry(v), _json, "who"),
    _row("POST", "/v1/signals/{id}/discard", reading.signal_request, lambda o, v: o.discard(v), _json, "who"),
    _row("GET", "/v1/failovers", reading.failovers, lambda o, v: o.failovers(v), _rows("failovers")),
    _row("GET", "/v1/events", reading.last_event_id, _ask_events, _events),
    _row("GET", "/v1/configuration", reading.nothing, lambda o, _: o.configuration()),
    _row("POST", "/v1/readiness", reading.readiness, lambda o, v: o.set_readiness(v), _json, "who"),
    _row("POST", "/v1/drain", reading.drain, lambda o, v: o.drain(v), _json, "who"),
    _row("POST", "/v1/resume", reading.who, lambda o, v: o.resume(v), _json, "who"),
    _row("POST", "/v1/free", reading.free, lambda o, v: o.free(v), _json, "who"),
    _row("POST", "/v1/follow", reading.follow, lambda o, v: o.follow(v), _json, "who"),
    _row("POST", "/v1/unfollow", reading.who, lambda o, v: o.unfollow(v), _json, "who"),
    _row(
        "POST",
        "/v1/forget-generation",
        reading.forget_generation,
        lambda o, v: o.forget_generation(v),
        _json,
        "who",
    ),
    _row("POST", "/v1/reload", reading.who, lambda o, v: o.reload(v), _reloaded, "who"),
)


@frozen
class Found:
    """The line of the table that a request means, and the variable parts of its path."""

    route: Route
    values: Mapping[str, str]


@frozen
class Router:
    """Finds the line of the table.

    Attributes:
        routes: what this door has.
        soap_paths: where the SOAP door is besides its usual path.
    """

    routes: tuple[Route, ...] = TABLE
    soap_paths: tuple[str, ...] = ()
    _segments: tuple[tuple[tuple[str, ...], Route], ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Split the paths once."""
        split = tuple((tuple(route.path.split("/")), route) for route in self.routes)
        object.__setattr__(self, "_segments", split)

    @classmethod
    def for_listen(cls, soap_paths: Iterable[str] = ()) -> Router:
        """Only what is marked T."""
        return cls(tuple(route for route in TABLE if route.on_listen), tuple(soap_paths))

    def find(self, method: str, path: str) -> Found:
        """What a request means.

        Raises:
            Refused: no such path, 404; not by this method, 405 with Allow.
            Malformed: the path's escapes are not UTF-8.
        """
        path = SOAP_PATH if path in self.soap_paths else path
        segments = tuple(path.split("/"))
        allowed: set[str] = set()
        for pattern, route in self._segments:
            values = _match(pattern, segments)
            if values is None:
                continue
            if route.method == ("GET" if method == "HEAD" else method):
                return Found(route, values)
            allowed |= {"GET", "HEAD"} if route.method == "GET" else {route.method}
        if not allowed:
            raise Refused("not-found", f"there is nothing at {path[:100]!r} on this door", 404)
        allow = ", ".join(sorted(allowed))
        message = f"{method[:16]} is not possible at {path[:100]!r}; use {allow}"
        raise Refused("method-not-allowed", message, 405, headers=(("Allow", allow),))


def _match(pattern: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    values: dict[str, str] = {}
    for expected, segment in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            values[expected[1:-1]] = decoded_segment(segment)
        elif expected != segment:
            return None
    return values
