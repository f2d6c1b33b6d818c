"""Where the demo's day is played: what is told of it, and what must happen in time."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from attrs import define, field, frozen

from agentchan.lab.daemon_process import DaemonProcess
from agentchan.lab.demo_calls import KINDS, Calls, Waited, waited
from agentchan.lab.lab import Lab

Say = Callable[[str], None]

PATIENCE = 15.0
"""Seconds for each thing that must happen."""
INDENT = " " * 12
WIDTH = 80
PHASES = {
    "detect": "detect",
    "discover": "discover",
    "sign_on": "sign-on",
    "restore": "restore",
    "drain_outbox": "outbox",
}
"""The phases of a failover in the daemon's record, one after the other, and how they are told."""


class DemoFailure(Exception):  # noqa: N818 - what it is
    """Something did not happen as it must."""


@frozen
class Failover:
    """What one failover took, in seconds.

    Attributes:
        by_ce: from the event until the new host was active.
        by_agentchan: from there until the last channel was ready.
        signals: the call signals that waited meanwhile.
    """

    what: str
    old: str
    new: str
    by_ce: float
    by_agentchan: float
    signals: Sequence[Waited]


@define
class Stage:
    """Where the day is played."""

    lab: Lab
    daemon: DaemonProcess
    calls: Calls
    say: Say
    began: float
    failovers: list[Failover] = field(factory=list)

    def title(self, text: str) -> None:
        """A phase begins."""
        self.say("")
        self.say(click.style(text, bold=True))

    def tell(self, at: float, text: str, colour: str | None = None) -> None:
        """Something happened at ``at`` (monotonic seconds)."""
        self.say(f"{at - self.began:8.3f} s  " + click.style(text, fg=colour))

    def remark(self, text: str) -> None:
        """More about it."""
        self.say(INDENT + click.style(text, dim=True))

    def wait_until(self, predicate: Callable[[], Any], what: str) -> Any:
        """Wait for what must happen.

        Raises:
            DemoFailure: it does not.
        """
        try:
            return self.lab.pair.wait_until(predicate, timeout=PATIENCE, what=what)
        except TimeoutError:
            raise DemoFailure(f"not within {PATIENCE:.0f} s: {what}") from None

    def wait_ready(self, host: str) -> float:
        """Wait until no channel is kept from work at ``host``; returns when that was, by the lab's own history."""
        channels = self.lab.settings.channels

        def all_at_work() -> bool:
            states = self.lab.pair.states(host=host)
            return states["Ready"] + states["Busy"] == channels

        self.wait_until(all_at_work, f"all {channels} channels are ready, or in a call, at {host}")
        at: float = self.last("readiness", host)["monotonic"]
        return at

    def last(self, event: str, host: str) -> Mapping[str, Any]:
        """The newest row of the lab's history of this event at this host."""
        rows = [row for row in self.lab.pair.history() if (row["event"], row["host"]) == (event, host)]
        return rows[-1]

    def failed_over(self, what: str, event_at: float, old: str, new: str) -> None:
        """Wait for the end of a failover that began at ``event_at``, and tell what it took."""
        pair = self.lab.pair
        self.wait_until(lambda: pair.active() == new, f"{new} is active")
        promoted_at = self.last("promoted", new)["monotonic"]
        self.tell(promoted_at, f"{new} is active, generation {pair.generation()}", "cyan")
        ready_at = self.wait_ready(new)
        count = self.lab.settings.channels
        self.tell(
            ready_at, f"all {count} channels are ready at {new}, {in_ms(ready_at - promoted_at)} after that", "green"
        )
        signals = self._signals_between(event_at, ready_at)
        self.failovers.append(Failover(what, old, new, promoted_at - event_at, ready_at - promoted_at, signals))
        self._tell_record(old, new)
        self._tell_calls(new, signals)

    def waited(self) -> list[Waited]:
        """How long each signal waited that was accepted until now.

        Raises:
            DemoFailure: CE is not told of them all.
        """
        said = tuple(self.calls.said)
        found: list[Waited] = self.wait_until(
            lambda: waited(said, self.lab.pair.history()), f"all {len(said)} call signals have reached CE"
        )
        return found

    def _signals_between(self, event_at: float, ready_at: float) -> list[Waited]:
        return [each for each in self.waited() if each.said.at < ready_at and each.said.at + each.for_ce > event_at]

    def _tell_calls(self, host: str, signals: Sequence[Waited]) -> None:
        channel, call_id = self.calls.long_call
        held = self.lab.pair.channels(host=host)[channel]
        if (held["state"], held["call_id"]) != ("Busy", call_id):
            raise DemoFailure(f"{host} does not hold {call_id} on {channel}, but {held['call_id']}: {held['state']}")
        self.remark(f"{call_id} on {channel} has lived through it.")
        longest = in_ms(max((each.for_answer for each in signals), default=0.0))
        self.remark(f"{len(signals)} signals came meanwhile; agentchan took each within {longest}.")
        self.remark("Until CE had them, in ms:")
        for kind, name in KINDS.items():
            waits = ", ".join(f"{each.for_ce * 1000:,.0f}" for each in signals if each.said.kind == kind)
            for line in textwrap.wrap(f"{name} {waits or '-'}", WIDTH - len(INDENT), subsequent_indent=" " * 8):
                self.remark(line)

    def _tell_record(self, old: str, new: str) -> None:
        count = len(self.failovers)

        def recorded() -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = self.daemon.client.get("/v1/failovers")["failovers"]
            return rows if len(rows) == count else []

        row = self.wait_until(recorded, f"agentchan has recorded {count} failovers")[0]
        if (row["from"], row["to"]) != (old, new):
            raise DemoFailure(f"agentchan recorded a failover from {row['from']} to {row['to']}, not {old} to {new}")
        phases = (f"{told} {row[name]:,.0f}" for name, told in PHASES.items() if round(row[name]))
        self.remark(f"agentchan's record: {in_ms(row['total'] / 1000)} since CE's last sign of life:")
        self.remark(f"{' + '.join(phases)} ms")


def in_ms(seconds: float) -> str:
    """A duration, as it is told."""
    return f"{seconds * 1000:,.0f} ms"
