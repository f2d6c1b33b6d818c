"""Where log events go: structlog and twisted.logger into ``logging``, and from there to one place in one form."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Protocol, TextIO

import structlog
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from twisted.python.components import Componentized
from zope.interface import implementer

from agentchan.config.service import Log
from agentchan.log_formats import FIELDS, JournalFormat, JsonFormat, PrefixFormat, TextFormat

JOURNAL = Path("/run/systemd/journal/socket")
"""Where the journal takes datagrams of fields."""

_LEVELS = {
    LogLevel.debug: logging.DEBUG,
    LogLevel.info: logging.INFO,
    LogLevel.warn: logging.WARNING,
    LogLevel.error: logging.ERROR,
    LogLevel.critical: logging.CRITICAL,
}


class _Format(Protocol):
    def format(self, record: logging.LogRecord) -> str: ...


def configure(settings: Log, *, journald: bool, stream: TextIO, journal: Path = JOURNAL) -> None:
    """Send everything that is logged from now on to one place; may be called again, at a reload.

    Args:
        settings: level, format, and whether numbers are masked.
        journald: whether the stream goes to the journal (``systemd.speaks_to_journal``), which "auto" goes by.
        stream: where lines are written: standard error as it was before Twisted took it over.
        journal: the socket of the journal.
    """
    form = settings.format if settings.format != "auto" else ("journald" if journald else "text")
    mask = settings.mask_numbers
    handler: logging.Handler
    if form == "journald":
        handler = _JournalHandler(journal, JournalFormat(mask), _StreamHandler(stream, PrefixFormat(mask)))
    elif form == "json":
        handler = _StreamHandler(stream, JsonFormat(mask))
    else:
        handler = _StreamHandler(stream, TextFormat(mask, colours=_is_colourful(stream, os.environ)))
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _StreamHandler | _JournalHandler)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    set_level(settings.level)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, _to_logging],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def set_level(level: str) -> None:
    """Change the least level that is logged.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
    """
    logging.getLogger().setLevel(level.upper())


def _is_colourful(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream is a terminal, and nobody objects (https://no-color.org)."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _to_logging(_logger: object, _method: str, event: MutableMapping[str, Any]) -> tuple[tuple[Any], dict[str, Any]]:
    """The last of structlog's processors: the arguments of the call to ``logging``."""
    arguments = {key: event.pop(key) for key in ("exc_info", "stack_info", "stacklevel") if key in event}
    name = event.pop("event", "")
    return (name,), {**arguments, "extra": {FIELDS: dict(event)}}


class _StreamHandler(logging.StreamHandler[TextIO]):
    """Writes lines."""

    def __init__(self, stream: TextIO, form: _Format) -> None:
        super().__init__(stream)
        self.form = form

    def format(self, record: logging.LogRecord) -> str:
        """The record's lines."""
        return self.form.format(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """Nothing: the stream is gone, and saying so on it would only end here again."""


class _JournalHandler(logging.Handler):
    """Sends fields to the journal, or lines to its stream where the journal does not take them."""

    def __init__(self, address: Path, form: JournalFormat, otherwise: _StreamHandler) -> None:
        super().__init__()
        self.address = str(address)
        self.form = form
        self.otherwise = otherwise
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.setblocking(False)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one datagram.

        It may be too large for one, the journal may be busy, absent or newly started: then its line is written.
        """
        try:
            self.socket.sendto(journal_datagram(self.form.fields(record)), self.address)
        except OSError:
            self.otherwise.handle(record)

    def close(self) -> None:
        """Give the socket back."""
        self.socket.close()
        super().close()


def journal_datagram(fields: list[tuple[str, str]]) -> bytes:
    """The fields as the journal reads them (https://systemd.io/JOURNAL_NATIVE_PROTOCOL).

    Args:
        fields: names of upper-case letters, digits and underscores, with their texts.
    """
    parts = []
    for name, text in fields:
        value = text.encode(errors="backslashreplace")
        if b"\n" in value:
            parts.append(b"%s\n%s%s\n" % (name.encode(), len(value).to_bytes(8, "little"), value))
        else:
            parts.append(b"%s=%s\n" % (name.encode(), value))
    return b"".join(parts)


def adopt(application: object) -> None:
    """Make Twisted's own log ours; to be called where twistd gives a service its parent (``setServiceParent``).

    twistd asks its application for the observer when the services are made, and then sends standard output and
    warnings there too.

    Args:
        application: the parent; one that is no application of twistd's is left alone.
    """
    if isinstance(application, Componentized):
        application.setComponent(ILogObserver, TwistedObserver())


@implementer(ILogObserver)
class TwistedObserver:
    """Hands what Twisted logs to ``logging``: nothing is lost, a failure's traceback least of all.

    What Twisted itself tells of ports opened and requests served counts as ``debug``.
    """

    def __call__(self, event: LogEvent) -> None:
        """Hand over one event of ``twisted.logger``."""
        namespace = str(event.get("log_namespace", "twisted"))
        level = _LEVELS.get(event.get("log_level", LogLevel.info), logging.INFO)
        if level == logging.INFO and namespace.partition(".")[0] in ("twisted", "log_legacy"):
            level = logging.DEBUG
        logger = logging.getLogger(namespace)
        if not logger.isEnabledFor(level):
            return
        record = logger.makeRecord(namespace, level, "", 0, formatEvent(event), (), None)
        failure = event.get("log_failure")
        if failure is not None:
            record.exc_text = failure.getTraceback()
        logger.handle(record)
