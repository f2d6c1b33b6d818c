"""Looking at the daemon: what it knows of CE, of its channels, and of itself."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from agentchan import __version__, alarms, configured, explaining, status, timing
from agentchan.api import requests
from agentchan.api.problems import problems
from agentchan.api.refusals import journal_unavailable
from agentchan.config import as_json
from agentchan.core.channel import Channel
from agentchan.core.session_values import IN_SESSION, Shown
from agentchan.core.verdict import Kind
from agentchan.journal.errors import JournalError
from agentchan.journal.health import State as JournalState
from agentchan.journal.writes import FailoverHappened
from agentchan.operations.base import Base, Json
from agentchan.rfc3339 import rfc3339
from agentchan.status import Moment
from agentchan.stuck import refused_gone
from agentchan.vocabulary import ChannelState, Fate

NAMED = 5
"""Stuck channels that status names; 'agentchan channels --stuck' lists them all."""


class Looking(Base):
    """What is asked to see something."""

    def livez(self) -> Json:
        """Whether the daemon lives, never mind how CE is: its loop turns, or nobody would answer."""
        reasons = self._daemon.liveness.reasons()
        return {"live": not reasons, "reasons": list(reasons)}

    def readyz(self) -> Json:
        """Whether calls may come, and if not, why."""
        daemon = self._daemon
        if daemon.agent_channel is None:
            following = daemon.following.verdict.kind in (Kind.FOLLOWING, Kind.PINNED)
            return {"ready": following, "reasons": [] if following else [daemon.following.verdict.reason]}
        shown = daemon.agent_channel.shown()
        reasons = []
        if shown.state not in IN_SESSION:
            reasons.append(
                f"the agent channel is {shown.state.value}: {shown.error or daemon.following.verdict.reason}"
            )
        if daemon.wishes.drain is not None:
            reasons.append("draining; 'agentchan resume' ends it")
        if daemon.stopping:
            reasons.append("the daemon was told to stop, and lets the calls in progress end")
        serving = {ChannelState.READY, ChannelState.BUSY, ChannelState.WRAPUP}
        if "set_readiness" not in daemon.profile.duties:
            serving.add(ChannelState.UNKNOWN)
        if not any(channel.reported in serving for channel in daemon.channels.all()):
            reasons.append("no channel is Ready, Busy or in Wrapup; 'agentchan channels' tells why")
        if daemon.journal.health.state is not JournalState.OK:
            reasons.append(f"the journal cannot be written: {daemon.journal.health.reason}")
        return {"ready": not reasons, "reasons": reasons}

    def status(self) -> Json:
        """Everything at a glance."""
        daemon = self._daemon
        moment = self._moment()
        following = daemon.following
        shown = self._shown()
        failing_over = following.failing_over(configured.oldest_answer(daemon.configuration))
        drain = daemon.wishes.drain
        health = daemon.journal.health
        ce = status.ce(following.topology, following.verdict, failing_over, moment)
        stuck = [channel.name for channel in daemon.channels.all() if self._is_stuck(channel)]
        whole: dict[str, Any] = {
            "ivr": daemon.configuration.ivr.name,
            "instance_id": daemon.configuration.ivr.instance_id,
            "version": __version__,
            "uptime_s": round(moment.monotonic - daemon.started_at, 3),
            "mode": "frontend" if daemon.agent_channel is None else "backend",
            "tells_readiness": "set_readiness" in daemon.profile.duties,
            "draining": drain is not None,
            "drain": None
            if drain is None
            else {
                "since": moment.time_of_day(drain.since),
                "who": drain.who,
                "reason": drain.reason,
                "calls": self._calls_in_progress(),
                "timeout_s": None if drain.until == inf else max(0.0, drain.until - moment.monotonic),
            },
            "component_link": status.component_link(following.topology, moment),
            "ce": {**ce, "since": moment.time_of_day(daemon.verdict_since)},
            "agent_channel": None if shown is None else status.agent_channel(shown, moment),
            "channels": {
                **status.channel_counts(daemon.channels.all(), len(stuck)),
                "stuck_names": stuck[:NAMED],
                "unknown_to_ce": len(daemon.channels.unknown()),
            },
            "signals": self._signal_counts(moment),
            "journal": {
                "state": health.state.value,
                "error": health.reason or None,
                "since": rfc3339(health.since),
                "set_aside": str(health.set_aside) if health.set_aside is not None else None,
            },
            "ivr_health": self._ivr_health(moment),
            "alarms": self._alarms(moment),
        }
        return {**whole, "problems": problems(whole)}

    def _shown(self) -> Shown | None:
        """The agent channel, None in frontend mode."""
        channel = self._daemon.agent_channel
        return None if channel is None else channel.shown()

    def _alarms(self, moment: Moment) -> list[dict[str, Any]]:
        """What somebody must look at."""
        told: list[dict[str, Any]] = [
            {"code": note.event, "text": note.text, "since": moment.time_of_day(at)}
            for note, at in alarms.standing(self._daemon)
        ]
        near = self._daemon.certificate_watch.near
        if near:
            told.append({"code": "certificate-expiring", "text": "; ".join(near.values()), "since": None})
        return told

    def _ivr_health(self, moment: Moment) -> dict[str, Any] | None:
        state = self._daemon.ivr_health.state
        if state is None:
            return None
        since = moment.time_of_day(state.since)
        return {"up": state.up, "since": since, "error": None if state.up else state.reason}

    def _signal_counts(self, moment: Moment) -> dict[str, Any]:
        counts, settled = self._daemon.journal.counts, self._daemon.delivering.writes.settled
        oldest = self._daemon.delivering.oldest_at()
        return {
            "pending": len(self._daemon.delivering),
            "oldest_s": 0 if oldest is None else round(moment.monotonic - oldest, 3),
            "confirmed": counts.confirmed + settled(Fate.CONFIRMED),
            "refused": counts.refused + settled(Fate.REFUSED),
            "expired": counts.expired + settled(Fate.EXPIRED),
            "repairs": counts.repairs,
        }

    def metrics(self) -> tuple[str, bytes]:
        """Everything for Prometheus."""
        return self._daemon.metrics.render()

    def channels(self, names: tuple[str, ...]) -> Iterable[Json]:
        """Rows, in the order of the configuration."""
        moment = self._moment()
        chosen = [self._channel(name) for name in names] if names else tuple(self._daemon.channels.all())
        return (self._row(channel, moment) for channel in chosen)

    def failovers(self, query: requests.FailoversQuery) -> Deferred[Iterable[Json]]:
        """What failovers cost, the newest first."""
        return self._daemon.journal.failovers(query.limit).addCallbacks(
            lambda rows: [_failover(row) for row in rows], _unavailable
        )

    def explain(self, name: str) -> Json:
        """Why a channel is in its state."""
        channel = self._channel(name)
        moment = self._moment()
        return explaining.explain(channel, self._row(channel, moment), self._around(channel), moment)

    def _around(self, channel: Channel) -> explaining.Surroundings:
        """What its state is explained by."""
        daemon = self._daemon
        outbox, ivr = daemon.delivering.outbox, daemon.ivr_health.state
        return explaining.Surroundings(
            verdict=daemon.following.verdict,
            shown=self._shown(),
            readiness=daemon.wishes.readiness,
            drain=daemon.wishes.drain,
            pending=outbox.pending(channel.name),
            open_call=daemon.calls.open_on(channel.name),
            stuck=channel.name in daemon.repairing.stuck,
            refused=refused_gone(daemon, channel),
            journal=daemon.journal.health,
            ivr_error=ivr.reason if ivr is not None and ivr.up is False else "",
            tells_readiness="set_readiness" in daemon.profile.duties,
            withheld=daemon.delivering.keeps_back(channel.name),
        )

    def timing(self) -> Json:
        """How failover time is made up."""
        profile = self._daemon.profile
        most_changes = configured.abilities(profile).slice
        return {"rows": timing.timing(self._daemon.configuration, profile.duties, most_changes)}

    def failing_over(self) -> Json:
        """The CEFailingOver node."""
        daemon = self._daemon
        moment = self._moment()
        found = daemon.following.failing_over(configured.oldest_answer(daemon.configuration))
        return {
            "failing_over": found.answer,
            "state": found.state.value if found.state else None,
            "active": daemon.following.verdict.host,
            "since": moment.time_of_day(daemon.verdict_since),
            "observed_at": moment.time_of_day(found.observed_at),
            "age_ms": moment.age_ms(found.observed_at),
            "reason": found.reason,
        }

    def configuration(self) -> Json:
        """The configuration in force."""
        return as_json(self._daemon.configuration)


def _unavailable(failure: Failure) -> Any:
    failure.trap(JournalError)
    raise journal_unavailable(str(failure.value))


def _failover(row: FailoverHappened) -> Json:
    phases = ("detect", "discover", "sign_on", "restore", "drain_outbox", "total")
    return {
        "at": rfc3339(row.at),
        "from": row.from_host,
        "to": row.to_host,
        "cause": row.cause,
        "generation": row.generation,
        **{name: _milliseconds(getattr(row, name)) for name in phases},
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
