"""The stage for the scenarios of tests/scenarios/session: a session, and a shell that ticks when it should."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from math import inf
from typing import Any

from attrs import evolve

from agentchan.core.backoff import Backoff
from agentchan.core.channel import Wish
from agentchan.core.channels import Channels
from agentchan.core.session import Session
from agentchan.core.session_values import (
    SLICE,
    Abilities,
    Abort,
    Action,
    Dial,
    Heard,
    Loss,
    Note,
    Probe,
    Rediscover,
    Reports,
    Restored,
    Send,
    SignOffDone,
    SignOn,
    Step,
    Stopped,
    Target,
    Timings,
    Unreachable,
)
from agentchan.vocabulary import (
    ChannelReport,
    ChannelState,
    CloseSession,
    Heartbeat,
    Meaning,
    OpenSession,
    ReadinessChange,
    Reply,
    Request,
    Role,
    SetReadiness,
)
from tests.core.scenarios import only

START = ("channels", "without", "probe", "slice", "jitter", "timings")
TIMES = ("at", "asleep")
EXPECTED = (
    "actions",
    "state",
    "shown_host",
    "heard_at",
    "error",
    "due_at",
    "retry_at",
    "reported",
    "unknown_to_ce",
    "stale",
)
SHOWN_ALONE = 3
"""So many channels are named one by one; of more that are alike, the first, the last and their number."""


def names(written: Sequence[str]) -> list[str]:
    """Channels as they are written: ``c1`` is one, ``c{1..12000}`` many."""
    found: list[str] = []
    for text in written:
        spread = re.fullmatch(r"(\w*)\{(\d+)\.\.(\d+)\}", text)
        if spread is None:
            found.append(text)
        else:
            begin, first, last = spread.groups()
            found += [f"{begin}{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]
    return found


def _wish(text: str) -> Wish:
    what, _, reason = text.partition(" ")
    return Wish({"ready": True, "not-ready": False}[what], reason or None)


def _report(channel: str, text: str) -> ChannelReport:
    state, _, call_id = text.partition(" ")
    return ChannelReport(channel, ChannelState(state), call_id or None)


# How actions are written.


def _listed(pairs: Sequence[tuple[str, str]], sign: str) -> str:
    """``c1=ready c2=ready``; of many in a row that are alike ``c1..c500=ready (500)``."""
    written = []
    for what, group in groupby(pairs, key=lambda pair: pair[1]):
        alike = [name for name, _ in group]
        if len(alike) > SHOWN_ALONE:
            written.append(f"{alike[0]}..{alike[-1]}{sign}{what} ({len(alike)})")
        else:
            written += [f"{name}{sign}{what}" for name in alike]
    return " ".join(written)


def _request(request: Request) -> str:
    match request:
        case OpenSession(channels=channels):
            return f"open-session {_listed([(name, '') for name in channels], '')}"
        case SetReadiness(changes=changes):
            told = [
                (
                    change.channel,
                    ("ready" if change.ready else "not-ready") + (f" {change.reason}" if change.reason else ""),
                )
                for change in changes
            ]
            return f"set-readiness {_listed(told, '=')}"
        case Heartbeat():
            return "heartbeat"
        case CloseSession():
            return "close-session"
    raise AssertionError(request)


def _numbered(generation: int | None) -> str:
    return "" if generation is None else f" in {generation}"


def _report_line(reports: Sequence[ChannelReport]) -> str:
    return _listed([(each.channel, _state(each.state, each.call_id)) for each in reports], "=")


def _state(state: ChannelState, call_id: str | None) -> str:
    return state.value if call_id is None else f"{state.value} {call_id}"


WRITTEN: Mapping[type, Callable[[Any], str]] = {
    Dial: lambda dial: f"dial {dial.connection} {dial.url}",
    Abort: lambda abort: f"abort {abort.connection}",
    Send: lambda send: f"send {send.connection} {_request(send.request)}",
    Probe: lambda probe: f"probe {probe.connection}",
    Rediscover: lambda _: "rediscover",
    Heard: lambda heard: (
        f"heard {heard.url}: {heard.host or 'somebody'} is {'' if heard.active else 'not '}active"
        + _numbered(heard.generation)
    ),
    Unreachable: lambda unreachable: f"unreachable {unreachable.url}: {unreachable.reason}",
    SignOn: lambda on: f"signed on to {on.host}{_numbered(on.generation)} on {on.connection}",
    Reports: lambda reports: f"reports {_report_line(reports.reports)}",
    Restored: lambda restored: f"restored {restored.host}",
    SignOffDone: lambda off: f"signed off from {off.host}{', silent' if off.silent else ''}: {off.cause}",
    Note: lambda note: f"{'alarm' if note.alarm else 'note'} {note.event}: {note.text}",
    Stopped: lambda _: "stopped",
}
"""How each action is written in the files."""


def written(action: Action, timings: Timings) -> str:
    """An action as the files have it; a dial's deadlines only where they are not the usual ones."""
    line = WRITTEN[type(action)](action)
    if isinstance(action, Dial) and not action.connect_timeout == action.tls_timeout == timings.connect:
        line += f" connect {action.connect_timeout:g} tls {action.tls_timeout:g}"
    return line


class Play:
    """One scenario on the stage: the session, and a shell that ticks when it should."""

    def __init__(self, start: Mapping[str, Any]) -> None:
        self.now = 0.0
        told = dict(start.get("timings", {}))
        backoff = Backoff(told.pop("backoff_initial", 0.1), told.pop("backoff_maximum", 5.0))
        self.timings = Timings(backoff=backoff, **told)
        without = dict.fromkeys(start.get("without", ()), False)
        share = float(start.get("jitter", 1.0))
        self.channels = Channels(names(start.get("channels", ["c1", "c2"])), Wish(ready=True), self.now)
        self.session = Session(
            ivr="ivr1",
            instance_id="here",
            channels=self.channels,
            timings=self.timings,
            abilities=Abilities(probe=start.get("probe", False), slice=start.get("slice", SLICE), **without),
            jitter=lambda low, high: low + share * (high - low),
        )
        self.target: Target | None = None
        self.asked: dict[int, Request] = {}
        self.generation: int | None = None

    # Time.

    def until(self, at: float | str, *, asleep: bool) -> list[Action]:
        """Let time pass, ticking as the shell does; returns what came of it before that time."""
        due = self.session.deadline()
        if at == "due":
            assert due < inf, "nothing is due"
            self.now = due
            return []
        assert isinstance(at, int | float)
        actions: list[Action] = []
        while not asleep and not actions and due < at:
            self.now = due
            actions = self.settled(self.session.tick(self.now))
            due = self.session.deadline()
        if not actions:
            assert at >= self.now, f"time does not go back from {self.now:g} to {at:g}"
            self.now = float(at)
        return actions

    def settled(self, actions: list[Action]) -> list[Action]:
        """All actions of one moment: as long as something is due already, the shell ticks again."""
        rounds = 0
        while self.session.deadline() <= self.now:
            actions = [*actions, *self.session.tick(self.now)]
            rounds += 1
            assert rounds < 10, "the session would keep the reactor busy for ever"
        for action in actions:
            if isinstance(action, Send):
                self.asked[action.connection] = action.request
        return actions

    # What happens.

    def happens(self, phase: Mapping[str, Any]) -> list[Action]:
        """The event of a phase, and what came of it."""
        (kind,) = [key for key in EVENTS if key in phase]
        only(phase, ("description", *TIMES, *EXPECTED, kind, *EXTRAS.get(kind, ())), phase["description"])
        actions = EVENTS[kind](self, phase)
        for name in phase.get("compare", {}).get("hold_back", ()):
            self.channels.hold_back(name)
        return self.settled(actions)

    def follow(self, phase: Mapping[str, Any]) -> list[Action]:
        """Whom to follow."""
        told = phase["follow"]
        self.target = None
        if told != "nobody":
            connectors = tuple(told.get("connectors", ["a"]))
            self.target = Target(told.get("host"), connectors, told.get("generation"), told.get("mark"))
        return self.session.follow(self.target, self.now)

    def failed(self, phase: Mapping[str, Any]) -> list[Action]:
        """A loss."""
        step = Step(phase["step"]) if "step" in phase else None
        return self.session.failed(phase["failed"], Loss(phase.get("why", "reset"), step), self.now)

    def replied(self, phase: Mapping[str, Any]) -> list[Action]:
        """A reply: the usual good one but for what ``answer`` says."""
        number, told = phase["replied"], phase.get("answer", {})
        only(told, ANSWERS, phase["description"])
        meaning = Meaning(told.get("means", "confirmed"))
        reply = Reply(meaning, meaning.value)
        if reply.good:
            reply = self._usual(self.asked.get(number))
        given = {ANSWERS[key]: _GIVEN.get(key, _as_it_is)(value) for key, value in told.items() if key != "reports"}
        reply = evolve(reply, **given)
        if "reports" in told:
            reply = evolve(reply, reports=_reports(told["reports"], reply.reports))
        if isinstance(self.asked.get(number), OpenSession) and reply.good:
            self.generation = reply.generation
        return self.session.replied(number, reply, self.now)

    def _usual(self, request: Request | None) -> Reply:
        match request:
            case OpenSession(channels=channels):
                reports = tuple(ChannelReport(name, ChannelState.NOT_READY) for name in channels)
                host = self.target.host if self.target else None
                generation = self.target.generation if self.target else None
                return Reply(
                    Meaning.CONFIRMED,
                    session_id="s",
                    server_name=host,
                    generation=generation,
                    session_timeout=10.0,
                    reports=reports,
                )
            case SetReadiness(changes=changes):
                return Reply(Meaning.CONFIRMED, reports=tuple(map(_as_asked, changes)))
            case Heartbeat():
                return Reply(Meaning.CONFIRMED, role=Role.ACTIVE, generation=self.generation)
        return Reply(Meaning.CONFIRMED)

    def retime(self, phase: Mapping[str, Any]) -> list[Action]:
        """Other durations, as after a reload."""
        self.timings = evolve(self.timings, **phase["retime"])
        return self.session.retimed(self.timings, self.now)

    def wish(self, phase: Mapping[str, Any]) -> list[Action]:
        """Something is wanted of some channels, or of all."""
        for name, text in phase["wish"].items():
            for each in [channel.name for channel in self.channels.all()] if name == "all" else [name]:
                self.channels.wished(each, _wish(text))
        return self.session.tick(self.now)

    def list(self, phase: Mapping[str, Any]) -> list[Action]:
        """A reload brings another list of channels."""
        self.channels.listed(names(phase["list"]), Wish(ready=True), self.now)
        return self.session.tick(self.now)

    def reload(self, _phase: Mapping[str, Any]) -> list[Action]:
        """A reload without any change: what CE did not know is tried again."""
        self.channels.include_all()
        return self.session.retimed(self.timings, self.now)

    def to_channels(self, phase: Mapping[str, Any], kind: str) -> list[Action]:
        """What is told to the channels, name by name."""
        for name in phase[kind]:
            getattr(self.channels, kind)(name)
        return self.session.tick(self.now)

    def reported_by_signal(self, phase: Mapping[str, Any]) -> list[Action]:
        """CE answered signals of these channels."""
        for name, text in phase["reported_by_signal"].items():
            self.channels.reported_by_signal(_report(name, text), self.now)
        return self.session.tick(self.now)

    # What is to be seen.

    def seen(self, actions: list[Action], phase: Mapping[str, Any]) -> dict[str, Any]:
        """All that a phase may expect, as it is."""
        shown = self.session.shown()
        deadline = self.session.deadline()
        reported = {}
        for name in phase.get("reported", ()):
            channel = self.channels[name]
            reported[name] = _state(channel.reported, channel.call_id)
        return {
            "actions": [written(action, self.timings) for action in actions],
            "state": shown.state.value,
            "shown_host": shown.host or "",
            "heard_at": "never" if shown.heard_at is None else shown.heard_at,
            "error": shown.error or "",
            "due_at": deadline if deadline < inf else "never",
            "retry_at": shown.retry_at,
            "reported": reported,
            "unknown_to_ce": list(self.channels.unknown()),
            "stale": self.session.stale,
        }


def _reports(told: Mapping[str, str] | str, usual: Sequence[ChannelReport]) -> tuple[ChannelReport, ...]:
    if isinstance(told, str):
        assert told == "none"
        return ()
    others = {report.channel: report for report in usual}
    return tuple({**others, **{name: _report(name, text) for name, text in told.items()}}.values())


def _as_it_is(value: Any) -> Any:
    return value


_GIVEN: Mapping[str, Callable[[Any], Any]] = {
    "means": Meaning,
    "server": lambda name: name or None,
    "timeout": lambda seconds: seconds or None,
    "generation": lambda number: None if number < 0 else number,
    "role": Role,
    "channels": tuple,
}
ANSWERS = {
    "means": "meaning",
    "message": "message",
    "session": "session_id",
    "server": "server_name",
    "generation": "generation",
    "timeout": "session_timeout",
    "role": "role",
    "reports": "reports",
    "channels": "channels",
    "active_server": "active_server",
    "call_id": "call_id",
}
"""What an answer may say in a file, and what that is in a reply."""


def _as_asked(change: ReadinessChange) -> ChannelReport:
    return ChannelReport(change.channel, ChannelState.READY if change.ready else ChannelState.NOT_READY)


Event = Callable[[Play, Mapping[str, Any]], list[Action]]
EVENTS: dict[str, Event] = {
    "follow": Play.follow,
    "connected": lambda play, phase: play.session.connected(phase["connected"], play.now),
    "failed": Play.failed,
    "heard": lambda play, phase: play.session.heard(phase["heard"], play.now),
    "replied": Play.replied,
    "probed": lambda play, phase: play.session.probed(phase["probed"], play.now),
    "denied": lambda play, phase: play.session.denied(phase["denied"], play.now),
    "tick": lambda play, _phase: play.session.tick(play.now),
    "stop": lambda play, _phase: play.session.stop(play.now),
    "retime": Play.retime,
    "wish": Play.wish,
    "list": Play.list,
    "reload": Play.reload,
    "reported_by_signal": Play.reported_by_signal,
}
for told in ("hold_back", "let_go", "signal_sent", "signal_answered", "tell_again"):
    EVENTS[told] = lambda play, phase, told=told: play.to_channels(phase, told)  # type: ignore[misc]
EXTRAS = {"failed": ("step", "why"), "replied": ("answer", "compare")}
