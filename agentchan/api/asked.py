"""One HTTP request as the routes see it: checked bytes and texts, no sockets."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

from attrs import field, frozen

from agentchan.api import strict_json
from agentchan.api.fields import Fields
from agentchan.api.refusals import Malformed, Refused

_MOST_QUERY_FIELDS = 2000
_MOST_FORM_FIELDS = 100

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@frozen
class Asked:
    """One request.

    Attributes:
        values: the variable parts of the path.
        query: the text after the question mark, encoded.
        content_type: the media type without parameters, in lower case; None where it was not given.
        full_content_type: the whole header.
        accept: the Accept header, empty where it was not given.
        who: see :mod:`agentchan.api.requests`; empty for routes that do not need it.
        base_url: scheme, host and port as the caller wrote them.
        soap_action: the SOAPAction header without quotes.
        last_event_id: the Last-Event-ID header.
    """

    path: str
    values: Mapping[str, str] = field(factory=dict)
    query: str = ""
    body: bytes = b""
    content_type: str | None = None
    full_content_type: str | None = None
    accept: str = ""
    who: str = ""
    base_url: str = ""
    soap_action: str | None = None
    last_event_id: str | None = None

    def query_fields(self, repeated: str | None = None) -> Fields:
        """The query's parameters.

        Args:
            repeated: the one parameter that may be given several times; its value is a list then.

        Raises:
            Malformed: not URL-encoded UTF-8, or a parameter twice.
        """
        return Fields(_decoded(self.query, "query", _MOST_QUERY_FIELDS, repeated), "query parameter")

    def object_fields(self, *, optional: bool = False) -> Fields:
        """The fields of a JSON body.

        Args:
            optional: whether no body at all means no fields.

        Raises:
            Refused: another media type, 415.
            Malformed: not a JSON object.
        """
        if optional and not self.body:
            return Fields({})
        if self.content_type != JSON:
            raise _unsupported(self.content_type, JSON)
        return Fields.of_object(strict_json.parse(self.body))

    def object_or_form_fields(self) -> Fields:
        """The fields of a JSON body or a form.

        Raises:
            Refused: another media type, 415.
            Malformed: neither, or a field twice.
        """
        if self.content_type == JSON:
            return self.object_fields()
        if self.content_type != FORM:
            raise _unsupported(self.content_type, f"{JSON} or {FORM}")
        try:
            text = self.body.decode()
        except UnicodeDecodeError as error:
            raise Malformed(f"byte {error.start} of the body is not UTF-8") from None
        return Fields(_decoded(text, "body", _MOST_FORM_FIELDS, None))

    def prefers_text(self) -> bool:
        """Whether ``text/plain`` is preferred to JSON (RFC 9110, 12.5.1)."""
        text, json = _weight(self.accept, "text/plain"), _weight(self.accept, JSON)
        return text > json

    def prefers_events(self) -> bool:
        """Whether an event stream is wanted: unless JSON is asked for by name."""
        return _weight(self.accept, JSON) <= _weight(self.accept, "text/event-stream")


def decoded_segment(segment: str) -> str:
    """A segment of a path without its escapes.

    Raises:
        Malformed: the escapes are not UTF-8.
    """
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise Malformed("the path's escapes are not UTF-8") from None


def _decoded(text: str, what: str, most: int, repeated: str | None) -> dict[str, str | list[str]]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=most)
    except ValueError:
        raise Malformed(f"the {what} is not a list of at most {most} name=value in URL-encoded UTF-8") from None
    values: dict[str, str | list[str]] = {}
    for name, value in pairs:
        if name == repeated:
            several = values.setdefault(name, [])
            if isinstance(several, list):
                several.append(value)
        elif name in values:
            raise Malformed(f"the {what} has {name[:64]!r} twice")
        else:
            values[name] = value
    return values


def _weight(accept: str, media_type: str) -> float:
    """The q of a media type; what is named more exactly counts a trace more."""
    best = 0.0 if accept.strip() else 1.0
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        exactness = {media_type: 0.002, media_type.partition("/")[0] + "/*": 0.001, "*/*": 0.0}.get(name)
        if exactness is None:
            continue
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        best = max(best, quality + exactness if 0 < quality <= 1 else 0.0)
    return best


def _unsupported(given: str | None, wanted: str) -> Refused:
    said = f"is {given[:64]!r}" if given else "is missing"
    return Refused("unsupported-media-type", f"the Content-Type {said}; it must be {wanted}", 415)
