"""Who is told of what: chosen events, by commands and webhooks, and never in a way that costs the daemon anything."""

from __future__ import annotations

import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from agentchan.api.events import EventFeed
from agentchan.ce.dialer import Dialer, DialFailed
from agentchan.ce.http_post import HttpAnswer
from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.tls import TlsSettings
from agentchan.config import NOTIFY_EVENTS, Notify
from agentchan.metrics import EVENTS, NOTIFICATION_OUTCOMES
from agentchan.notices import TOLD
from agentchan.notifications import AT_ONCE, QUIET, WAITING, Notifications, Whoever
from agentchan.notify_command import Command, CommandFailedError
from agentchan.notify_webhook import place_of
from tests.ce.certificates import issue, server_context
from tests.ce.dialing import ScriptedPeer, ScriptedServer, http

reactor: Any = installed
EVERY = tuple(NOTIFY_EVENTS)
URL = "https://hooks.example.com/services/T0/very-secret"

STUCK = {"channel": "ivr1-007", "call_id": "call-1"}
FAILOVER = {"from": "ce1", "to": "ce2", "cause": "ce1 is gone", "total": 1234.0}


class Way:
    """A connection that is asked for, and answers when the test says so."""

    def __init__(self, url: str) -> None:
        self.url = ServiceUrl.parse(url)
        self.dialled: Deferred[Any] = Deferred(lambda _: setattr(self, "cancelled", True))
        self.answer: Deferred[HttpAnswer] = Deferred()
        self.posted: dict[str, Any] | None = None
        self.closed = self.aborted = self.cancelled = False

    def exchange(self, message: Any) -> Deferred[HttpAnswer]:
        """Take what is posted."""
        assert message.headers == ((b"Content-Type", b"application/json; charset=utf-8"),)
        self.posted = json.loads(message.body)
        return self.answer

    def close(self) -> None:
        """In order."""
        self.closed = True

    def abort(self, _reason: str) -> None:
        """At once."""
        self.aborted = True

    def arrives(self, status: int = 200) -> None:
        """The webhook answers."""
        if not self.dialled.called:
            self.dialled.callback(self)
        self.answer.callback(HttpAnswer(status, None, b""))


class Webhooks:
    """A dialer whose connections the test answers."""

    def __init__(self) -> None:
        self.ways: list[Way] = []

    def dial(self, url: str, **_timeouts: Any) -> Deferred[Any]:
        """One more."""
        way = Way(url)
        self.ways.append(way)
        return way.dialled


class TellCase(SynchronousTestCase):
    """Webhooks, with time and answers in the test's hands."""

    def setUp(self) -> None:
        """Nothing has happened yet."""
        self.clock = Clock()
        self.feed = EventFeed("run", lambda: "2026-11-24T13:05:00+00:00")
        self.webhooks = Webhooks()
        self.outcomes: list[tuple[str, str]] = []

    def tell(self, *entries: Notify, mask_numbers: bool = False) -> Notifications:
        """Notifications that listen."""
        told = Notifications(
            self.clock,
            entries,
            self.feed,
            self.webhooks,
            who=Whoever("ivr1", "host-a"),
            mask_numbers=mask_numbers,
            on_outcome=lambda name, outcome: self.outcomes.append((name, outcome)),
        )
        told.start()
        self.addCleanup(self.assert_no_timer_is_left)
        self.addCleanup(told.stop)
        return told

    def assert_no_timer_is_left(self) -> None:
        """After everything was stopped."""
        assert self.clock.getDelayedCalls() == []

    def posted(self) -> list[dict[str, Any]]:
        """What the webhooks got."""
        return [way.posted for way in self.webhooks.ways if way.posted is not None]


def hook(*events: str, number: int = 0, timeout: float = 5.0) -> Notify:
    """A webhook."""
    return Notify(events=events or EVERY, url=f"{URL}{number or ''}", timeout=timeout)


class NoticeTests(TellCase):
    """Which events, and in which words."""

    def test_each_name_of_the_configuration_is_told(self) -> None:
        """And each event that is told is one that happens."""
        assert {kind.name for kind in TOLD.values()} == set(NOTIFY_EVENTS)
        assert set(TOLD) <= set(EVENTS)

    def test_what_is_posted(self) -> None:
        """The event as it was published, under its name, with a line for people, and who tells."""
        self.tell(hook())
        self.feed.publish("channel-stuck", **STUCK)
        self.webhooks.ways[0].dialled.callback(self.webhooks.ways[0])
        text = (
            "ivr1: CE holds call call-1 on ivr1-007, which nobody here knows; once you are sure that it is over: "
            "agentchan free ivr1-007 --reason '…'"
        )
        event = {"id": "run-1", "event": "channel-stuck", "at": "2026-11-24T13:05:00+00:00", **STUCK}
        assert self.posted() == [
            {"notify": "stuck", "text": text, "ivr": "ivr1", "instance_id": "host-a", "repeats": 0, "event": event}
        ]
        self.webhooks.ways[0].arrives()
        assert self.outcomes == [("stuck", "delivered")]
        assert self.webhooks.ways[0].closed

    def test_the_line_for_people(self) -> None:
        """Each kind of event in one sentence that names what it is about."""
        signal = {"kind": "gone", "signal_id": "s-1", **STUCK, "error": "InvalidRequest"}
        lines = {
            "failover": (FAILOVER, "moved from ce1 to ce2 in 1.23 s: ce1 is gone"),
            "signal-refused": (signal, "gone of call call-1 on ivr1-007 was refused by CE: InvalidRequest"),
            "signal-expired": ({**signal, "error": None}, "expired before CE confirmed it: no cause is known"),
            "contended": ({"text": "another daemon keeps replacing us"}, "another daemon keeps replacing us"),
            "verdict-changed": ({"verdict": "ambiguous", "reason": "both claim it"}, "both claim it"),
            "active-host-changed": ({"verdict": "ambiguous", "reason": "both do"}, "both do"),
            "certificate-expiring": ({"text": "it ends soon"}, "it ends soon"),
        }
        for name, (fields, words) in lines.items():
            kind = TOLD[name]
            assert kind.applies(fields)
            assert words in kind.text(fields)

    def test_nobody_is_told_of_other_events(self) -> None:
        """Nor of a verdict that is clear, nor of what an entry has not chosen."""
        self.tell(hook("stuck"))
        self.feed.publish("signed-on", host="ce1")
        self.feed.publish("verdict-changed", verdict="following", reason="it says so")
        self.feed.publish("failover", **FAILOVER)
        assert self.webhooks.ways == []

    def test_numbers_are_masked_where_that_is_configured(self) -> None:
        """As in the log."""
        self.tell(hook(), mask_numbers=True)
        self.feed.publish("channel-stuck", **STUCK, caller="+4930123456")
        self.webhooks.ways[0].dialled.callback(self.webhooks.ways[0])
        assert self.posted()[0]["event"]["caller"] == "***56"

    def test_what_cannot_be_told_harms_nobody(self) -> None:
        """A fault here stays here: who published the event goes on, and so does the next notice."""
        self.tell(hook())
        with capture_logs() as logged:
            self.feed.publish("failover", total="no number")
        assert [each["event"] for each in logged] == ["notification-broken"]
        self.feed.publish("channel-stuck", **STUCK)
        assert len(self.webhooks.ways) == 1


class BoundTests(TellCase):
    """How many, how often, how long."""

    def test_repeats_are_counted_and_told_together(self) -> None:
        """The first at once; of those that follow the newest, after a while, with their number."""
        self.tell(hook("refused"))
        for number in range(5):
            self.feed.publish("signal-refused", kind="gone", signal_id=f"s-{number}", **STUCK)
        (first,) = self.webhooks.ways
        first.arrives()
        self.clock.advance(QUIET - 1)
        assert len(self.webhooks.ways) == 1
        self.clock.advance(1)
        self.webhooks.ways[1].arrives()
        told = self.posted()[1]
        assert (told["repeats"], told["event"]["signal_id"]) == (3, "s-4")
        assert self.outcomes.count(("refused", "damped")) == 3
        self.clock.advance(QUIET)
        self.feed.publish("signal-refused", kind="gone", signal_id="s-9", **STUCK)
        assert len(self.webhooks.ways) == 3

    def test_another_name_is_not_a_repeat(self) -> None:
        """Nor is the same event for another entry."""
        self.tell(hook("stuck", "failover"), hook("stuck", number=2))
        self.feed.publish("channel-stuck", **STUCK)
        assert len(self.webhooks.ways) == 2
        for way in tuple(self.webhooks.ways):
            way.arrives()
        self.feed.publish("failover", **FAILOVER)
        assert len(self.webhooks.ways) == 3

    def test_only_a_few_at_once_and_each_entry_one_at_a_time(self) -> None:
        """The others wait for their turn, in order."""
        entries = [hook(number=number) for number in range(1, AT_ONCE + 3)]
        self.tell(*entries)
        self.feed.publish("channel-stuck", **STUCK)
        self.feed.publish("failover", **FAILOVER)
        assert len(self.webhooks.ways) == AT_ONCE
        while any(not way.answer.called for way in self.webhooks.ways):
            next(way for way in self.webhooks.ways if not way.answer.called).arrives()
        assert len(self.outcomes) == 2 * len(entries)
        for entry in entries:
            mine = [way.posted for way in self.webhooks.ways if way.url.text == entry.url]
            assert [each and each["notify"] for each in mine] == ["stuck", "failover"]

    def test_what_does_not_fit_is_dropped_and_said_once(self) -> None:
        """With the number, when there is room again."""
        self.tell(*[hook(number=number) for number in range(1, AT_ONCE + WAITING + 4)])
        with capture_logs() as logged:
            self.feed.publish("channel-stuck", **STUCK)
            assert self.outcomes == [("stuck", "dropped")] * 3
            while any(not way.answer.called for way in self.webhooks.ways):
                next(way for way in self.webhooks.ways if not way.answer.called).arrives()
        loud = [(each["event"], each.get("number")) for each in logged if each["log_level"] == "warning"]
        assert loud == [("notifications-dropped", None), ("notifications-were-dropped", 3)]

    def test_a_webhook_that_does_not_answer_is_given_up(self) -> None:
        """After the entry's timeout, wherever it hangs."""
        self.tell(hook(timeout=2.0))
        self.feed.publish("channel-stuck", **STUCK)
        self.feed.publish("failover", **FAILOVER)
        with capture_logs() as logged:
            self.clock.advance(2.0)
            self.clock.advance(0.0)
            second = self.webhooks.ways[1]
            second.dialled.callback(second)
            self.clock.advance(2.0)
            self.clock.advance(0.0)
        assert self.outcomes == [("stuck", "failed"), ("failover", "failed")]
        assert second.aborted
        assert [each["reason"] for each in logged] == ["hooks.example.com:443: no answer within 2 s"]


class FailureTests(TellCase):
    """What does not arrive."""

    def fails(self, way: Way, failure: Exception) -> None:
        """A connection does not come about."""
        way.dialled.errback(Failure(failure))

    def test_it_is_said_once_until_it_works_again(self) -> None:
        """And the log has no secret of the URL in it."""
        self.tell(hook())
        with capture_logs() as logged:
            for name in ("channel-stuck", "failover", "contended"):
                self.feed.publish(name, **(STUCK | FAILOVER), text="replaced")
                self.fails(self.webhooks.ways[-1], DialFailed("tls", "hooks.example.com:443: certificate expired"))
            self.feed.publish("certificate-expiring", text="it ends")
            self.webhooks.ways[-1].arrives(204)
        events = [each["event"] for each in logged if each["log_level"] != "debug"]
        assert events == ["notification-failed", "notification-works-again"]
        assert "secret" not in json.dumps(logged)
        assert [outcome for _, outcome in self.outcomes] == ["failed"] * 3 + ["delivered"]
        assert {outcome for _, outcome in self.outcomes} <= set(NOTIFICATION_OUTCOMES)

    def test_a_status_that_is_no_success(self) -> None:
        """As 404, or 302, is a failure."""
        self.tell(hook())
        with capture_logs() as logged:
            self.feed.publish("channel-stuck", **STUCK)
            self.webhooks.ways[0].arrives(404)
        assert logged[0]["reason"] == "hooks.example.com:443 answered with HTTP status 404"

    def test_a_fault_of_ours(self) -> None:
        """Is said loudly, and the next notice goes its way."""
        self.tell(hook())
        with capture_logs() as logged:
            self.feed.publish("channel-stuck", **STUCK)
            self.fails(self.webhooks.ways[0], RuntimeError("a bug"))
        assert logged[0]["event"] == "notification-broken"
        self.feed.publish("failover", **FAILOVER)
        assert len(self.webhooks.ways) == 2

    def test_a_url_that_cannot_be_dialled(self) -> None:
        """Its text is not told, since it may be a secret."""
        self.tell(Notify(events=EVERY, url="http://exa mple.com/very-secret"))
        with capture_logs() as logged:
            self.feed.publish("channel-stuck", **STUCK)
        assert "secret" not in json.dumps(logged)
        assert self.outcomes == [("stuck", "failed")]
        assert place_of("http://exa mple.com/very-secret") == "a webhook"


class ChangeTests(TellCase):
    """Reload and stop."""

    def test_reload(self) -> None:
        """An entry that stays keeps what it has told; a new one has told nothing; one that is gone tells no more."""
        told = self.tell(hook("stuck", number=1), hook("stuck", number=2))
        self.feed.publish("channel-stuck", **STUCK)
        for way in tuple(self.webhooks.ways):
            way.arrives()
        self.feed.publish("channel-stuck", **STUCK)
        told.reload([hook("stuck", number=1), hook("stuck", number=3)], mask_numbers=True)
        self.feed.publish("channel-stuck", **STUCK)
        assert [way.url.target[-1] for way in self.webhooks.ways] == ["1", "2", "3"]
        self.clock.advance(QUIET)
        assert [way.url.target[-1] for way in self.webhooks.ways] == ["1", "2", "3", "1"]
        assert told.mask_numbers

    def test_stop_gives_up_what_is_under_way(self) -> None:
        """Quietly, also what belongs to an entry that is gone; and nothing is told afterwards."""
        told = self.tell(hook())
        self.feed.publish("channel-stuck", **STUCK)
        told.reload([], mask_numbers=False)
        with capture_logs() as logged:
            self.successResultOf(told.stop())
            self.feed.publish("failover", **FAILOVER)
        assert (logged, len(self.webhooks.ways)) == ([], 1)
        assert self.webhooks.ways[0].cancelled


def script(folder: Path, text: str) -> str:
    """A program."""
    path = folder / "hook"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


class CommandTests(SynchronousTestCase):
    """One run of a command."""

    def setUp(self) -> None:
        """A folder for programs, and for what they write."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def command(self, text: str, *arguments: str, octets: bytes = b"{}", timeout: float = 10.0) -> Command:
        """A command of a shell script's text."""
        program = script(self.folder, text)
        environ = {**os.environ, "NOTIFY_SOCKET": "@systemd", "WATCHDOG_USEC": "1", "FOLDER": str(self.folder)}
        return Command((program, *arguments), octets, timeout, environ, "stuck")

    def reason(self, command: Command) -> str:
        """Why it failed."""
        with pytest.raises(CommandFailedError) as failed:
            command.run()
        return str(failed.value)

    def test_what_it_gets(self) -> None:
        """The event on its input, its arguments untouched by any shell, and no word of what systemd says to us."""
        octets = b'{"text": "' + b"x" * 200_000 + b'"}'
        self.command('cat > "$FOLDER/input"; echo "$1" > "$FOLDER/argument"; env > "$FOLDER/env"', "$(id); `id`").run()
        self.command('cat > "$FOLDER/input"', octets=octets).run()
        assert (self.folder / "input").read_bytes() == octets
        assert (self.folder / "argument").read_text() == "$(id); `id`\n"
        env = (self.folder / "env").read_text()
        assert "AGENTCHAN_NOTIFY=stuck\n" in env
        assert "NOTIFY_SOCKET" not in env
        assert "WATCHDOG_USEC" not in env

    def test_input_that_nobody_reads(self) -> None:
        """Keeps nobody waiting."""
        self.command("exit 0", octets=b"x" * 1_000_000).run()

    def test_what_it_says_on_standard_output_is_thrown_away(self) -> None:
        """However much it is."""
        self.command("head -c 3000000 /dev/zero").run()

    def test_it_fails(self) -> None:
        """With its status, and the end of what it said, in one line."""
        reason = self.reason(self.command("echo first >&2; echo 'no route' >&2; exit 3"))
        assert reason == "ended with status 3; it said: first no route"
        reason = self.reason(self.command("head -c 100000 /dev/zero | tr '\\0' x >&2; echo; echo end >&2; exit 1"))
        assert len(reason) < 1000

    def test_it_cannot_be_started(self) -> None:
        """Since it is not there, or is no program."""
        for program in (self.folder / "none", Path("/etc/hostname")):
            command = Command((str(program),), b"", 1.0, {}, "stuck")
            assert "cannot be started" in self.reason(command)

    def processes(self, word: str) -> Iterator[int]:
        """The processes with a word in their command line, the dead left out."""
        for each in Path("/proc").iterdir():
            if each.name.isdigit():
                try:
                    if word in (each / "cmdline").read_text():
                        yield int(each.name)
                except OSError:
                    continue

    def wait_until_gone(self, word: str) -> None:
        """A killed process takes a moment to be reaped by whoever adopted it."""
        deadline = time.monotonic() + 10.0
        while list(self.processes(word)):
            assert time.monotonic() < deadline, f"{word} is still there"
            time.sleep(0.01)

    def test_it_hangs(self) -> None:
        """Then it is killed with all that it has started in its process group."""
        marker = f"31.{os.getpid()}1"
        reason = self.reason(self.command(f"echo waiting >&2; sleep {marker} & sleep {marker}", timeout=0.3))
        assert reason == "did not end within 0.3 s and was killed; it said: waiting"
        self.wait_until_gone(marker)

    def test_it_does_not_want_to_end(self) -> None:
        """Then it is not asked any more."""
        marker = f"31.{os.getpid()}2"
        reason = self.reason(self.command(f"trap '' TERM; sleep {marker}; sleep {marker}", timeout=0.1))
        assert "was killed" in reason
        self.wait_until_gone(marker)

    def test_it_leaves_something_behind(self) -> None:
        """A child that holds its standard error keeps nobody waiting, and ends with it."""
        marker = f"31.{os.getpid()}3"
        self.command(f"sleep {marker} & exit 0").run()
        self.wait_until_gone(marker)

    def test_given_up_before_it_was_started(self) -> None:
        """It is not started then."""
        command = self.command('touch "$FOLDER/started"')
        command.give_up()
        assert "given up" in self.reason(command)
        assert not (self.folder / "started").exists()

    def test_given_up_afterwards(self) -> None:
        """That changes nothing."""
        command = self.command("exit 0")
        command.run()
        command.give_up()


class WholeTests(TestCase):
    """With real commands, real connections, and the reactor."""

    def setUp(self) -> None:
        """A feed, and a folder."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.feed = EventFeed("run", lambda: "now")
        self.outcome: Deferred[tuple[str, str]] = Deferred()

    def tell(self, *entries: Notify, tls: TlsSettings | None = None) -> Notifications:
        """Notifications that listen."""
        told = Notifications(
            reactor,
            entries,
            self.feed,
            Dialer(reactor, tls or TlsSettings.from_files()),
            who=Whoever("ivr1", "host-a"),
            mask_numbers=False,
            on_outcome=lambda name, outcome: self.outcome.callback((name, outcome)),
        )
        told.start()
        self.addCleanup(told.stop)
        return told

    async def test_a_command(self) -> None:
        """It reads the event."""
        program = script(self.folder, f'cat > "{self.folder}/input"')
        self.tell(Notify(events=("failover",), command=(program,), timeout=20.0))
        self.feed.publish("failover", **FAILOVER)
        assert await self.outcome == ("failover", "delivered")
        assert json.loads((self.folder / "input").read_bytes())["event"]["to"] == "ce2"

    async def test_stop_kills_a_command(self) -> None:
        """Stopping does not wait for it."""
        program = script(self.folder, f'touch "{self.folder}/started"; exec sleep 1000')
        told = self.tell(Notify(events=("failover",), command=(program,), timeout=300.0))
        self.feed.publish("failover", **FAILOVER)
        while not (self.folder / "started").exists():
            await _turn()
        await told.stop()
        assert await self.outcome == ("failover", "failed")

    def serve(self, status: bytes, context: Any = None) -> tuple[ScriptedServer, int]:
        """A webhook that answers."""
        server = ScriptedServer()

        def answer(peer: ScriptedPeer) -> None:
            _head, _, body = peer.heard.partition(b"\r\n\r\n")
            if b"}\n" in body:
                peer.transport.write(http(b"ok", status=status))

        server.on_data = answer
        port = server.listen(reactor, context)
        self.addCleanup(server.port.stopListening)
        self.addCleanup(lambda: gatherResults([peer.lost for peer in server.peers]))
        return server, port

    async def test_a_webhook(self) -> None:
        """It is posted to."""
        server, port = self.serve(b"204 No Content")
        self.tell(Notify(events=("failover",), url=f"http://127.0.0.1:{port}/hook?key=1", timeout=20.0))
        self.feed.publish("failover", **FAILOVER)
        assert await self.outcome == ("failover", "delivered")
        head, _, body = server.peers[0].heard.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /hook?key=1 HTTP/1.1\r\n")
        assert json.loads(body)["notify"] == "failover"

    async def test_a_webhook_that_is_not_verified(self) -> None:
        """It gets nothing: the daemon's TLS settings are used."""
        server, port = self.serve(b"200 OK", server_context(issue("hook", "127.0.0.1")))
        self.tell(Notify(events=("failover",), url=f"https://127.0.0.1:{port}/", timeout=20.0))
        with capture_logs() as logged:
            self.feed.publish("failover", **FAILOVER)
            assert await self.outcome == ("failover", "failed")
        assert "signed itself" in logged[0]["reason"]
        for peer in server.peers:
            assert peer.heard == b""

    async def test_a_webhook_that_is_trusted(self) -> None:
        """It gets what a plain one gets."""
        authority = issue("An authority", authority=True)
        ca_file, _ = authority.store(self.folder, "ca")
        _, port = self.serve(b"200 OK", server_context(issue("hook", "127.0.0.1", signer=authority)))
        settings = TlsSettings.from_files(ca_file)
        self.tell(Notify(events=("failover",), url=f"https://127.0.0.1:{port}/", timeout=20.0), tls=settings)
        self.feed.publish("failover", **FAILOVER)
        assert await self.outcome == ("failover", "delivered")


def _turn() -> Deferred[None]:
    """A turn of the reactor."""
    turned: Deferred[None] = Deferred()
    reactor.callLater(0.005, turned.callback, None)
    return turned
