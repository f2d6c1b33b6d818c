"""What status says that somebody must look at, and when that is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentchan.core.observations import Mark
from agentchan.core.session_values import Note, Shown, SignOffDone, SignOn, State
from agentchan.daemon import Daemon
from agentchan.operations import Operations
from agentchan.vocabulary import ChannelReport, ChannelState, Meaning, ReadinessChange, Reply
from tests.metrics.parts import BACKEND, built, value

NAMES = ("c1", "c2")
CHANGE = ReadinessChange("c1", ready=True)


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon with two channels that is signed on; nothing of it runs."""
    made = built(tmp_path, BACKEND.replace("c{1..6}", "c{1..2}"))
    made.journal.record = lambda _writes: Kept()  # type: ignore[method-assign, assignment, return-value]
    sign_on(made)
    return made


class Kept:
    """What nobody waits for."""

    def addErrback(self, _call: Any) -> None:  # noqa: N802 - Twisted's name
        """It does not fail."""


def show(daemon: Daemon, state: State) -> None:
    """The agent channel is in this state."""
    assert daemon.agent_channel is not None
    daemon.agent_channel.session._shown = Shown(state)


def sign_on(daemon: Daemon, *names: str) -> None:
    """A session is open for these channels, or all, and they are NotReady."""
    known = names or NAMES
    daemon.channels.opening()
    daemon.channels.signed_on([ChannelReport(name, ChannelState.NOT_READY) for name in known], known, 0.0)
    daemon.chronicle.signed_on(SignOn("ce1", 7, 1, Reply(Meaning.CONFIRMED)))
    show(daemon, State.UP)


def alarm(daemon: Daemon, event: str) -> None:
    """The agent channel's session notices something."""
    daemon.chronicle.alarmed(Note(event, "look", alarm=True))


def told(daemon: Daemon) -> list[str]:
    """What status, and the number that Prometheus gets, say."""
    status: dict[str, Any] = dict(Operations(daemon).status())
    codes = [each["code"] for each in status["alarms"]]
    assert value(daemon, "agentchan_alarms") == len(codes)
    return codes


@pytest.mark.parametrize("event", ["readiness-refused", "readiness-not-taken"])
@pytest.mark.parametrize("ends", ["taken", "another-wish", "session", "not-known", "no-reports"])
def test_readiness_that_ce_did_not_take(daemon: Daemon, event: str, ends: str) -> None:
    """It stands while CE is told again, and until it has taken it, nobody wants it, or the session is over."""
    channels = daemon.channels
    channels.asked([CHANGE])
    channels.put_off(CHANGE, 5.0)
    alarm(daemon, event)
    assert told(daemon) == [event]
    channels.say_again(5.0)
    channels.asked([CHANGE])
    assert told(daemon) == [event]
    match ends:
        case "taken":
            channels.answered([CHANGE], [ChannelReport("c1", ChannelState.READY)], 6.0, 7.0)
        case "no-reports":
            channels.answered([CHANGE], [], 6.0, 7.0)
        case "another-wish":
            daemon.wishes.apply()
            channels.wished("c1", daemon.wishes.readiness.wish("c1"))
        case "session":
            channels.signed_off(6.0)
            daemon.chronicle.signed_off(SignOffDone("ce1", "killed"))
            show(daemon, State.DOWN)
        case "not-known":
            channels.exclude(["c1"])
    assert told(daemon) == []


@pytest.mark.parametrize("ends", ["taken", "session"])
def test_list_that_ce_did_not_take(daemon: Daemon, ends: str) -> None:
    """It stands until CE has taken the list, or the session is over."""
    daemon.channels.listed(("c1", "c2", "c3"), daemon.channels["c1"].wish, 1.0)
    alarm(daemon, "list-refused")
    assert told(daemon) == ["list-refused"]
    if ends == "taken":
        daemon.channels.extended([], ("c1", "c2", "c3"), 2.0)
    else:
        daemon.channels.signed_off(6.0)
        show(daemon, State.DIALING)
    assert told(daemon) == []


def test_channels_that_ce_does_not_know(daemon: Daemon) -> None:
    """It stands over sign-ons and while CE is asked again, until it knows them, or they are not configured any more."""
    daemon.channels.exclude(["c2"])
    alarm(daemon, "channel-unknown")
    sign_on(daemon, "c1")
    assert told(daemon) == ["channel-unknown"]
    daemon.channels.include_all()
    assert told(daemon) == ["channel-unknown"]
    daemon.channels.extended([], NAMES, 2.0)
    assert told(daemon) == []
    daemon.channels.exclude(["c2"])
    assert told(daemon) == ["channel-unknown"]
    daemon.channels.listed(("c1",), daemon.channels["c1"].wish, 3.0)
    assert told(daemon) == []


def test_contended(daemon: Daemon) -> None:
    """It stands as long as the agent channel keeps away for it, and not when it is down for another reason."""
    show(daemon, State.CONTENDED)
    alarm(daemon, "contended")
    assert told(daemon) == ["contended"]
    show(daemon, State.DOWN)
    assert told(daemon) == []


@pytest.mark.parametrize("event", ["ivr-unknown", "wrong-host"])
def test_why_there_is_no_session(daemon: Daemon, event: str) -> None:
    """It stands until there is one."""
    show(daemon, State.DOWN)
    alarm(daemon, event)
    assert told(daemon) == [event]
    sign_on(daemon)
    assert told(daemon) == []


def test_mark_fallen(daemon: Daemon) -> None:
    """It stands over sign-ons, until the mark of each domain is as high again as it was."""
    chronicle = daemon.chronicle
    chronicle.marked((Mark("a", 9, "ce1"), Mark("b", 5, "ce3")), "a")
    alarm(daemon, "mark-fallen")
    chronicle.marked((Mark("a", 3, "ce1"),), "a")
    sign_on(daemon)
    assert told(daemon) == ["mark-fallen"]
    chronicle.marked((Mark("a", 2, "ce1"),), "a")
    chronicle.marked((Mark("a", 8, "ce1"), Mark("b", 5, "ce3")), "b")
    assert told(daemon) == ["mark-fallen"]
    chronicle.marked((Mark("a", 9, "ce1"), Mark("b", 5, "ce3")), "a")
    assert told(daemon) == []
