"""A log record as a line of text, as a line of JSON, or as fields of the journal.

An event's fields may hold anything that a peer has said: what comes out is bounded, one line has no line break or
escape sequence from outside in it, and a Secret is ``***``.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from attrs import field, frozen

FIELDS = "agentchan_fields"
"""The attribute of a LogRecord that has the event's fields."""

NUMBER_FIELDS = frozenset({"caller", "called", "from_uri"})
"""Fields with numbers of people, which ``log.mask_numbers`` hides."""

_LONGEST_VALUE = 2000
_MOST_ITEMS = 100
_DEEPEST = 6
_LARGEST_NUMBER = 2**63
_MOST_SHOWN = 2
_HIDDEN_AT_LEAST = 4
_PLAIN_WORD = re.compile(r"[^\s\"'=\\]+")
_FIELD_NAME = re.compile(r"[^A-Z0-9_]")

# The numbers of syslog(3), which sd-daemon(3) and the journal use too.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY = 7

_COLOURS = ((logging.ERROR, "\x1b[31m"), (logging.WARNING, "\x1b[33m"), (logging.INFO, "\x1b[32m"))
_DIM, _BOLD, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[0m"


def mask_number(number: str) -> str:
    """A telephone number, or a SIP or tel URI, with at most its last two digits left: ``***67``."""
    user = number.partition(":")[2] or number
    digits = re.sub(r"[^0-9]", "", re.split(r"[@;]", user, maxsplit=1)[0])
    return f"***{digits[-_MOST_SHOWN:]}" if len(digits) >= _MOST_SHOWN + _HIDDEN_AT_LEAST else "***"


def priority(level: int) -> int:
    """The priority of syslog and the journal for a level of ``logging``."""
    return next((each for least, each in _PRIORITIES if level >= least), _DEBUG_PRIORITY)


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON has it, bounded; whatever JSON does not have becomes a text."""
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool | int | float):
        return value if value is None or abs(value) < _LARGEST_NUMBER else _text(value)
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return {_cut(_text(key)): plain(each, depth + 1) for key, each in list(value.items())[:_MOST_ITEMS]}
    if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
        items = [plain(each, depth + 1) for each in list(value)[:_MOST_ITEMS]]
        return [*items, f"… {len(value) - _MOST_ITEMS} more"] if len(value) > _MOST_ITEMS else items
    return _cut(_text(value))


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value[: _LONGEST_VALUE + 1]).decode(errors="backslashreplace")
    try:
        if isinstance(value, datetime):
            return value.isoformat()
        return f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else str(value)
    except Exception as error:  # noqa: BLE001  a value that cannot be shown must not keep the rest from being shown
        return f"<{type(value).__name__}: {type(error).__name__} in __str__>"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def masked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without people's numbers, at any depth."""
    return {key: _masked(key, value) for key, value in fields.items()}


def _masked(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return masked(value)
    if isinstance(value, list):
        return [_masked(key, each) for each in value]
    return mask_number(str(value)) if key in NUMBER_FIELDS and value is not None else value


def word(value: Any) -> str:
    """A plain value as one word of a line: bare where that is possible, else as JSON; nothing in it is unprintable."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and not _PLAIN_WORD.fullmatch(text):
        text = json.dumps(text, ensure_ascii=False)
    return printable(text)


def printable(text: str) -> str:
    """The text with control characters, line breaks and the like escaped."""
    return text if text.isprintable() else "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


@frozen
class Entry:
    """A log record, made ready to be written.

    Attributes:
        event: the event's name; of other libraries' records the message.
        fields: plain values by name.
        traceback: lines without line breaks.
    """

    event: str
    fields: dict[str, Any]
    traceback: tuple[str, ...]

    @classmethod
    def of(cls, record: logging.LogRecord, *, mask_numbers: bool) -> Entry:
        """What is in the record.

        Args:
            record: of ours or of any library.
            mask_numbers: whether people's numbers are hidden.
        """
        try:
            event = record.getMessage()
        except Exception:  # noqa: BLE001  a library's wrong format string must not cost the message
            event = f"{record.msg} {record.args!r}"
        fields = {key: plain(value) for key, value in getattr(record, FIELDS, {}).items()}
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        lines = (record.exc_text or "").splitlines()
        return cls(_cut(event), masked(fields) if mask_numbers else fields, tuple(map(printable, lines)))

    @property
    def line(self) -> str:
        """Event and fields in one line."""
        return " ".join(
            [printable(self.event), *(f"{printable(key)}={word(value)}" for key, value in self.fields.items())]
        )


@frozen
class _Masking:
    mask_numbers: bool


@frozen
class TextFormat(_Masking):
    """Lines for people.

    Attributes:
        colours: whether the level and the event's name stand out; for terminals.
    """

    colours: bool = False

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, event, fields and logger, and the traceback below."""
        entry = Entry.of(record, mask_numbers=self.mask_numbers)
        time = datetime.fromtimestamp(record.created, UTC).astimezone().isoformat(timespec="milliseconds")
        level, line, logger = f"{record.levelname.lower():8}", entry.line, f"[{printable(record.name)}]"
        if self.colours:
            colour = next((each for least, each in _COLOURS if record.levelno >= least), _DIM)
            level = f"{colour}{level}{_RESET}"
            event = printable(entry.event)
            line = f"{_BOLD}{event}{_RESET}{line.removeprefix(event)}"
            time, logger = f"{_DIM}{time}{_RESET}", f"{_DIM}{logger}{_RESET}"
        return "\n".join([f"{time} {level} {line} {logger}", *(f"    {each}" for each in entry.traceback)])


@frozen
class PrefixFormat(_Masking):
    """Lines with the priority in front (sd-daemon(3)), for a standard error that goes to the journal."""

    def format(self, record: logging.LogRecord) -> str:
        """Each line with its prefix, those of a traceback too: the journal takes lines apart."""
        entry = Entry.of(record, mask_numbers=self.mask_numbers)
        return "\n".join(f"<{priority(record.levelno)}>{line}" for line in (entry.line, *entry.traceback))


@frozen
class JsonFormat(_Masking):
    """One JSON object a line, for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """The event's fields stand beside timestamp, level, logger and event; a field of such a name gets a ``_``."""
        entry = Entry.of(record, mask_numbers=self.mask_numbers)
        values: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": entry.event,
        }
        own = {*values, "exception"}
        values.update({f"{key}_" if key in own else key: value for key, value in entry.fields.items()})
        if entry.traceback:
            values["exception"] = "\n".join(entry.traceback)
        return json.dumps(values)


@frozen
class JournalFormat(_Masking):
    """Fields of the journal's own protocol, so that ``journalctl AGENTCHAN_HOST=ce1`` finds what is about ce1."""

    identifier: str = field(default="agentchan")

    def fields(self, record: logging.LogRecord) -> list[tuple[str, str]]:
        """The journal's names and texts; each event's field is there as ``AGENTCHAN_`` and its name too."""
        entry = Entry.of(record, mask_numbers=self.mask_numbers)
        fields = [
            ("MESSAGE", "\n".join([entry.line, *entry.traceback])),
            ("PRIORITY", str(priority(record.levelno))),
            ("SYSLOG_IDENTIFIER", self.identifier),
            ("AGENTCHAN_LOGGER", record.name),
            ("AGENTCHAN_EVENT", entry.event),
        ]
        for key, value in entry.fields.items():
            name = "AGENTCHAN_" + _FIELD_NAME.sub("_", key.upper())[:50]
            fields.append((name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
        return fields
