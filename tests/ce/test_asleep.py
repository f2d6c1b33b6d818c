"""A real process that is stopped and goes on: it must read what had arrived before it judges anybody (F16)."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.ce.dialing import ScriptedPeer, ScriptedServer, http

ROOT = Path(__file__).parents[2]

FOR_LONG = 2.0
"""Seconds: longer than anything that the sleeper waits for."""


class Sleeper(ProcessProtocol):
    """The process, as its parent sees it."""

    def __init__(self) -> None:
        self.said = ""
        self.complaints = ""
        self.ended: Deferred[Any] = Deferred()

    def outReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """What it hears."""
        self.said += data.decode()

    def errReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """What is wrong with it."""
        self.complaints += data.decode()

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """It is no more."""
        self.ended.callback(reason.value)


class AsleepTests(TestCase):
    """A sleeper, and the host that it follows."""

    timeout = 60.0

    def setUp(self) -> None:
        """Both services listen; the program starts."""
        self.component, self.connector = ScriptedServer(), ScriptedServer()
        for server in (self.component, self.connector):
            server.listen(reactor)
            self.addCleanup(server.port.stopListening)
            server.answer_everything(http(b"ok"))
        urls = [f"http://127.0.0.1:{each.port.getHost().port}/x" for each in (self.component, self.connector)]
        self.sleeper = Sleeper()
        self.process: Any = reactor.spawnProcess(
            self.sleeper,
            sys.executable,
            [sys.executable, "-m", "tests.ce.sleeper", *urls],
            env=os.environ,
            path=str(ROOT),
        )
        self.addCleanup(self.kill)

    async def kill(self) -> None:
        """However the test went, the process goes."""
        if not self.sleeper.ended.called:
            self.process.signalProcess(signal.SIGKILL)
        await self.sleeper.ended

    def asked(self, server: ScriptedServer, what: bytes) -> Deferred[ScriptedPeer]:
        """Fires when such a question comes, which is then not answered; all others are."""
        waiting: Deferred[ScriptedPeer] = Deferred()

        def look(peer: ScriptedPeer) -> None:
            if not peer.heard.endswith(what):
                peer.transport.write(http(b"ok"))
            elif not waiting.called:
                waiting.callback(peer)

        server.on_data = look
        return waiting

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that only shows when one looks."""
        while not condition():
            await deferLater(reactor, 0.01)

    async def test_answers_in_the_buffers(self) -> None:
        """Stopped with a heartbeat and a held question out: the answers that came meanwhile count."""
        held, beaten = self.asked(self.component, b"watch_status"), self.asked(self.connector, b"Heartbeat")
        watched, kept = await held, await beaten
        self.process.signalProcess(signal.SIGSTOP)
        stat = Path(f"/proc/{self.process.pid}/stat")
        await self.until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
        before = self.sleeper.said
        for peer in (watched, kept):
            peer.transport.write(http(b"ok"))
        await deferLater(reactor, FOR_LONG)
        again = self.asked(self.component, b"watch_status"), self.asked(self.connector, b"Heartbeat")
        self.process.signalProcess(signal.SIGCONT)
        assert [await each for each in again] == [watched, kept], "on the connections that were there"
        heard = self.sleeper.said.removeprefix(before)
        assert heard.startswith("answered\n")
        assert "signed off" not in heard
        self.process.closeStdin()
        ended = await self.sleeper.ended
        assert not isinstance(ended, ProcessTerminated), self.sleeper.complaints
