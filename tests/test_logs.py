"""What is logged, where it goes, and what is never in it."""

from __future__ import annotations

import io
import json
import logging
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.logger import Logger, LogPublisher
from twisted.python.failure import Failure

from agentchan import logs
from agentchan.config.service import Log
from agentchan.log_formats import mask_number, plain
from agentchan.vocabulary import Role, Secret

log = structlog.get_logger("agentchan.test")


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [each for each in root.handlers if each not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    structlog.reset_defaults()


def configured(
    form: str, *, level: str = "debug", mask: bool = False, journald: bool = False, **more: Any
) -> io.StringIO:
    """A stream that gets what is logged."""
    stream: io.StringIO = more.pop("stream", None) or io.StringIO()
    logs.configure(Log(level=level, format=form, mask_numbers=mask), journald=journald, stream=stream, **more)
    return stream


def test_text_is_one_line_with_time_level_event_fields_and_logger() -> None:
    """A person reads when, how grave, what, the details, and which part says so."""
    stream = configured("text")
    log.info("agent-channel-up", host="ce1", generation=7, role=Role.ACTIVE, names=["a", "b c"], why="two words")
    (line,) = stream.getvalue().splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d info     "
        r'agent-channel-up host=ce1 generation=7 role=Active names=\["a", "b c"\] why="two words" \[agentchan.test\]',
        line,
    )


def test_text_has_colours_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Escape sequences go to terminals, and not to those whose user says NO_COLOR."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    outputs = []
    for stream, objection in ((Terminal(), ""), (io.StringIO(), ""), (Terminal(), "1")):
        monkeypatch.setenv("NO_COLOR", objection)
        configured("auto", stream=stream)
        log.warning("slow-reply", host="ce1")
        outputs.append("\x1b" in stream.getvalue())
        assert "slow-reply" in stream.getvalue()
    assert outputs == [True, False, False]


def test_json_is_one_object_a_line() -> None:
    """Programs get every field by its name; one that stands in our way keeps its value under another."""
    stream = configured("json")
    log.error("refused", level="x", event_id=5, at=datetime(2026, 11, 24, tzinfo=UTC), nothing=None, yes=True)
    values = json.loads(stream.getvalue())
    assert datetime.fromisoformat(values.pop("timestamp")).tzinfo is not None
    assert values == {
        "level": "error",
        "logger": "agentchan.test",
        "event": "refused",
        "level_": "x",
        "event_id": 5,
        "at": "2026-11-24T00:00:00+00:00",
        "nothing": None,
        "yes": True,
    }


@pytest.mark.parametrize("form", ["text", "json", "journald"])
def test_the_text_of_an_exception_is_kept(form: str, tmp_path: Path) -> None:
    """Type, message and where it came from are in the log."""
    stream = configured(form, journal=tmp_path / "none")
    try:
        json.loads("broken\x1b[2J")
    except ValueError as error:
        error.add_note("\x1b[2J")
        log.exception("unexpected")
    assert "JSONDecodeError: Expecting value" in stream.getvalue()
    assert "test_logs.py" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json", "journald"])
def test_a_secret_is_never_written(form: str, tmp_path: Path) -> None:
    """Alone or inside something, a Secret is three stars."""
    stream = configured(form, journal=tmp_path / "none")
    secret = Secret("geheim")
    log.info("a", password=secret, nested={"list": [secret]}, error=ValueError(secret), text=f"{secret}")
    assert "geheim" not in stream.getvalue()
    assert stream.getvalue().count("***") == 4


@pytest.mark.parametrize("form", ["text", "json", "journald"])
def test_numbers_are_masked_when_wished(form: str, tmp_path: Path) -> None:
    """The numbers of callers, called and from_uri are hidden at any depth, or shown."""
    for mask in (True, False):
        stream = configured(form, mask=mask, journal=tmp_path / "none")
        calls = [{"caller": "+15550123", "called": None}]
        log.info("new-call", caller="+15550123", from_uri="sip:15550123@pbx.example.com", calls=calls, channel="c-1")
        assert ("5550123" in stream.getvalue()) is not mask
        assert stream.getvalue().count("***23") == (3 if mask else 0)
        assert "c-1" in stream.getvalue()


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+1 555 0123", "***23"),
        ("sips:15550123;x=1@pbx;y=99", "***23"),
        ("tel:+1-555-0123;ext=77", "***23"),
        ("sip:alice@10.0.0.123456", "***"),
        ("7001", "***"),
        ("", "***"),
    ],
)
def test_a_masked_number_has_two_digits_at_most(number: str, shown: str) -> None:
    """Enough to tell calls apart, too little to call back; of short numbers nothing."""
    assert mask_number(number) == shown


def test_the_level_changes_at_run_time() -> None:
    """A reload makes the log quieter or louder, also for loggers already in use."""
    stream = configured("text", level="warning")
    log.info("quiet")
    logs.set_level("info")
    log.info("loud")
    log.debug("still-quiet")
    configured("text", level="debug", stream=stream)
    log.debug("louder")
    assert [line.split()[2] for line in stream.getvalue().splitlines()] == ["loud", "louder"]


def test_configured_again_there_is_still_one_line() -> None:
    """A second configuration takes the place of the first."""
    first, second = configured("text"), configured("json")
    log.info("once")
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 1


@given(
    st.dictionaries(st.text(max_size=20), st.recursive(st.none() | st.integers() | st.text() | st.floats(), st.lists)),
    st.text(max_size=50),
)
def test_nothing_breaks_out_of_its_line(fields: dict[str, Any], event: str) -> None:
    """Whatever a peer says, one event is one line without control characters, and its JSON can be read."""
    reserved = {"event", "exc_info", "stack_info", "stacklevel", "self", "args", "kw", "positional_args", "extra"}
    fields = {key: value for key, value in fields.items() if key not in reserved}
    stream = configured("text")
    log.info(event, **fields)
    line = stream.getvalue().removesuffix("\n")
    assert line.isprintable()
    stream = configured("json")
    log.info(event, **fields)
    assert json.loads(stream.getvalue())["event"] == event


def test_what_is_very_large_is_cut() -> None:
    """Long texts, many items and deep nesting do not fill the disk."""
    deep: list[Any] = []
    for _ in range(50):
        deep = [deep]
    values = plain({"text": "x" * 10_000, "many": list(range(5000)), "deep": deep, "number": 10**5000, "b": b"\xff"})
    assert len(values["text"]) == 2000
    assert values["many"][-1] == "… 4900 more"
    assert len(json.dumps(values)) < 4000
    assert values["b"] == "\\xff"


def test_a_value_that_cannot_be_shown_does_not_cost_the_event() -> None:
    """An object whose text fails is named by its type."""

    class Bad:
        def __str__(self) -> str:
            raise RuntimeError

    stream = configured("text")
    log.info("event", bad=Bad(), good=1)
    assert "Bad: RuntimeError in __str__" in stream.getvalue()
    assert "good=1" in stream.getvalue()


def test_records_of_other_libraries_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """What logs by the standard library's own means is there too, even where its format is wrong."""
    # pytest's own handlers, which see every record too, fail at the wrong one.
    root = logging.getLogger()
    with monkeypatch.context() as patch:
        patch.setattr(root, "handlers", [])
        stream = configured("text")
        logging.getLogger("zeep").warning("cannot %s", "parse")
        logging.getLogger("zeep").warning("cannot %d", "parse")
    assert "cannot parse [zeep]" in stream.getvalue()
    assert "cannot %d ('parse',) [zeep]" in stream.getvalue()


def test_a_stream_that_is_gone_does_no_harm() -> None:
    """A log that cannot be written stops nothing."""
    stream = configured("text")
    stream.close()
    log.info("event")


class TestTwisted:
    """Twisted's own log, by the observer."""

    def logger(self) -> tuple[Logger, io.StringIO]:
        """A logger of Twisted's kind whose events go to the stream."""
        stream = configured("text")
        return Logger("agentchan.lab", observer=LogPublisher(logs.TwistedObserver())), stream

    def test_events_keep_level_namespace_and_text(self) -> None:
        """Each level of Twisted's has its own of ours."""
        logger, stream = self.logger()
        for level in ("debug", "info", "warn", "error", "critical"):
            getattr(logger, level)("port {port}", port=8093)
        lines = [line.split(maxsplit=1)[1] for line in stream.getvalue().splitlines()]
        assert [line.split()[0] for line in lines] == ["debug", "info", "warning", "error", "critical"]
        assert all(line.endswith("port 8093 [agentchan.lab]") for line in lines)

    def test_a_failure_keeps_its_traceback(self) -> None:
        """An error that nobody handled is written with type, text and place."""
        logger, stream = self.logger()
        deferred: Deferred[None] = Deferred()
        deferred.addCallback(lambda _: 1 / 0)
        deferred.addErrback(lambda failure: logger.failure("unhandled", failure=failure))
        deferred.callback(None)
        logger.failure("cleaned", failure=Failure(RuntimeError("no traceback")))
        assert "critical unhandled" in stream.getvalue()
        assert "ZeroDivisionError: division by zero" in stream.getvalue()
        assert "RuntimeError: no traceback" in stream.getvalue()

    def test_twisteds_own_chatter_is_for_debugging(self) -> None:
        """That a factory started is no news to an operator; an error of Twisted's is."""
        stream = configured("text", level="info")
        logger = Logger("twisted.internet.tcp", observer=LogPublisher(logs.TwistedObserver()))
        logger.info("Starting factory")
        logger.error("Could not accept")
        assert [line.split()[1] for line in stream.getvalue().splitlines()] == ["error"]


APPLICATION = """
import sys, warnings
from twisted.application.service import Application, Service
from twisted.internet import defer, reactor
from agentchan import logs
from agentchan.config.service import Log

class Own(Service):
    def startService(self):
        print("printed")
        warnings.warn("warned")
        defer.fail(ValueError("forgotten"))
        reactor.callLater(0, reactor.stop)

logs.configure(Log(format="json"), journald=False, stream=sys.__stderr__)
application = Application("own")
Own().setServiceParent(application)
logs.adopt(application)
logs.adopt(object())
"""


def test_under_twistd_everything_goes_one_way(tmp_path: Path) -> None:
    """What Twisted, a library's print, a warning or a forgotten error say is in our form, and nothing is beside it."""
    (tmp_path / "application.py").write_text(APPLICATION)
    command = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()"]
    done = subprocess.run(
        [*command, "--nodaemon", "--pidfile=", "--python", "application.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.stdout == ""
    assert {"printed", "Unhandled error in Deferred:"} <= {each["event"].strip() for each in events}
    assert any("warned" in each["event"] for each in events)
    assert any("ValueError: forgotten" in each.get("exception", "") for each in events)


class TestJournal:
    """Fields for journald."""

    @staticmethod
    def read(data: bytes) -> dict[str, str]:
        """The fields of a datagram, read as the journal's documentation says."""
        fields = {}
        while data:
            line, _, data = data.partition(b"\n")
            name, equals, value = line.partition(b"=")
            if not equals:
                size = int.from_bytes(data[:8], "little")
                value, data = data[8 : 8 + size], data[8 + size + 1 :]
            fields[name.decode()] = value.decode()
        return fields

    def test_each_field_can_be_searched_for(self, tmp_path: Path) -> None:
        """Message, priority and the event's own fields arrive under names of the journal's alphabet."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
            journal.bind(str(tmp_path / "socket"))
            stream = configured("auto", journald=True, journal=tmp_path / "socket")
            log.warning("host-lost", host="ce1", **{"last-error": "a\nb", "n": 3})
            fields = self.read(journal.recv(65536))
        assert fields == {
            "MESSAGE": 'host-lost host=ce1 last-error="a\\nb" n=3',
            "PRIORITY": "4",
            "SYSLOG_IDENTIFIER": "agentchan",
            "AGENTCHAN_LOGGER": "agentchan.test",
            "AGENTCHAN_EVENT": "host-lost",
            "AGENTCHAN_HOST": "ce1",
            "AGENTCHAN_LAST_ERROR": "a\nb",
            "AGENTCHAN_N": "3",
        }
        assert stream.getvalue() == ""

    @pytest.mark.parametrize(
        ("level", "priority"), [("critical", 2), ("error", 3), ("warning", 4), ("info", 6), ("debug", 7)]
    )
    def test_without_its_socket_lines_have_their_priority(self, level: str, priority: int, tmp_path: Path) -> None:
        """Where the journal takes no datagrams its stream gets the line and any traceback, with prefixes."""
        stream = configured("journald", journal=tmp_path / "none")
        getattr(log, level)("event", host="ce1", exc_info=ValueError("a\nb"))
        lines = stream.getvalue().splitlines()
        assert lines[0] == f"<{priority}>event host=ce1"
        assert len(lines) >= 3
        assert all(line.startswith(f"<{priority}>") for line in lines)

    def test_what_is_too_large_for_a_datagram_is_written_instead(self, tmp_path: Path) -> None:
        """An event over the socket's limit is not lost."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
            journal.bind(str(tmp_path / "socket"))
            stream = configured("journald", journal=tmp_path / "socket")
            log.info("large", **{f"field-{number}": "x" * 2000 for number in range(200)})
        assert stream.getvalue().startswith("<6>large field-0=xxx")
