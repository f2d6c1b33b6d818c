"""What is so now, as numbers for Prometheus: read off the daemon's parts when somebody asks.

A gauge is there from the start with all its labels. Where nobody knows, or there is nothing, its help says by which
number that is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf

from agentchan import alarms, configured
from agentchan.core.session_values import State
from agentchan.core.verdict import Kind, known_hosts
from agentchan.journal.health import State as JournalState
from agentchan.metrics import Row
from agentchan.parts import Parts
from agentchan.status import channel_counts
from agentchan.stuck import stuck_channels
from agentchan.vocabulary import DomainState, Role

Gauge = tuple[str, str, tuple[str, ...], list[Row]]

_UNKNOWN = -1.0


def gauges(daemon: Parts) -> Iterator[Gauge]:
    """Every gauge: its name, its help, its labels, and its values by their labels."""
    yield from _ce(daemon)
    yield from _verdict(daemon)
    yield from _agent_channel(daemon)
    yield from _channels(daemon)
    yield from _signals(daemon)
    yield from _surroundings(daemon)
    yield from _endpoints(daemon)


def _one(name: str, text: str, number: float) -> Gauge:
    return f"agentchan_{name}", text, (), [({}, float(number))]


def _many(name: str, text: str, label: str, numbers: Iterable[tuple[str, float]]) -> Gauge:
    return f"agentchan_{name}", text, (label,), [({label: value}, float(number)) for value, number in numbers]


def _states(name: str, text: str, label: str, states: Iterable[str], present: str | None) -> Gauge:
    """A gauge per state, 1 for the one that is so."""
    return _many(name, text, label, [(state, state == present) for state in states])


def _answer(answer: bool | None) -> float:
    return _UNKNOWN if answer is None else float(answer)


def _offset(daemon: Parts) -> float:
    """What is added to monotonic seconds to make them seconds since the epoch."""
    monotonic: float = daemon.reactor.seconds()
    return daemon.wall() - monotonic


def _ce(daemon: Parts) -> Iterator[Gauge]:
    topology, offset = daemon.following.topology, _offset(daemon)
    views, hosts = topology.views, known_hosts(topology)
    yield _one("component_link_up", "Whether any URL answers.", any(view.error is None for view in views))
    yield _many(
        "component_link_url_up",
        "Whether the newest question to a URL was answered.",
        "url",
        [(view.url, view.error is None) for view in views],
    )
    yield _many(
        "component_link_answered_timestamp_seconds",
        "When a URL answered last; 0 before its first answer.",
        "url",
        [(view.url, 0.0 if view.answered_at is None else offset + view.answered_at) for view in views],
    )
    yield _many(
        "ce_host_active",
        "Whether a host says that it is active.",
        "host",
        [(host.name, host.role is Role.ACTIVE) for host in hosts],
    )
    yield _many(
        "ce_host_generation",
        "The generation that a host says; -1 where it says none.",
        "host",
        [(host.name, _UNKNOWN if host.generation is None else host.generation) for host in hosts],
    )
    verdict = daemon.following.verdict
    said = [view.status.state.value for view in views if view.status and view.host == verdict.host]
    said += [view.status.state.value for view in views if view.status and view.error is None]
    states = (state.value for state in DomainState)
    text = "The state of CE's domain, by the active host or else by any that answers."
    yield _states("ce_domain_state", text, "state", states, next(iter(said), None))
    answer = daemon.following.failing_over(configured.oldest_answer(daemon.configuration)).answer
    text = "1 while CE is failing over or back, 0 while not, -1 while nobody knows."
    yield _one("ce_failing_over", text, _answer(answer))
    interval = daemon.configuration.ce.auto_failover_interval
    text = "CE's own Auto-Failover Interval, as configured here; 0 where it is not."
    yield _one("ce_auto_failover_interval_seconds", text, interval or 0.0)


def _verdict(daemon: Parts) -> Iterator[Gauge]:
    topology, verdict, offset = daemon.following.topology, daemon.following.verdict, _offset(daemon)
    kinds = (kind.value for kind in Kind)
    yield _states("verdict", "How sure we are of the active host.", "verdict", kinds, verdict.kind.value)
    yield _one("verdict_since_timestamp_seconds", "Since when that is so.", daemon.verdict_since + offset)
    generation, mark = verdict.generation, topology.mark(topology.home)
    text = "The generation of the host that is followed; -1 where there is none."
    yield _one("generation", text, _UNKNOWN if generation is None else generation)
    text = "The generation below which nobody is followed; -1 while there is no such mark."
    yield _one("generation_mark", text, _UNKNOWN if mark is None else mark.generation)
    pin = topology.pin
    yield _one("pinned", "Whether the host that is followed was pinned by hand.", pin is not None)
    text = "When the pin ends; 0 while there is none, +Inf if never."
    yield _one("pinned_until_timestamp_seconds", text, 0.0 if pin is None else pin.until + offset)


def _agent_channel(daemon: Parts) -> Iterator[Gauge]:
    if daemon.agent_channel is None:
        return
    shown, offset = daemon.agent_channel.shown(), _offset(daemon)
    states = (state.value for state in State)
    yield _states("agent_channel_state", "The agent channel's state.", "state", states, shown.state.value)
    yield _one("agent_channel_since_timestamp_seconds", "Since when it is in that state.", shown.since + offset)
    heard_at = 0.0 if shown.heard_at is None else shown.heard_at + offset
    yield _one("agent_channel_heard_timestamp_seconds", "CE's last sign of life; 0 while there is none.", heard_at)


def _channels(daemon: Parts) -> Iterator[Gauge]:
    channels = daemon.channels
    counts = channel_counts(channels.all())
    total, stuck = counts.pop("total"), sum(1 for _ in stuck_channels(daemon))
    del counts["stuck"]
    wanted = sum(channel.wish.ready for channel in channels.all())
    yield _one("channels_configured", "IVR channels in the configuration.", total)
    yield _many("channels", "IVR channels by what CE reports.", "state", counts.items())
    text = "IVR channels by what is wanted of them."
    yield _many("channels_wanted", text, "wanted", [("ready", wanted), ("not-ready", total - wanted)])
    by_hand = sum(name in channels for name in daemon.wishes.readiness.by_hand)
    yield _one("channels_taken_out_by_hand", "Channels that an operator took out.", by_hand)
    yield _one("channels_stuck", "Channels with a call that CE holds and that nothing under way will free.", stuck)
    yield _one("channels_unknown_to_ce", "Channels that CE does not know.", len(channels.unknown()))
    yield _one("calls_open", "Calls in progress, as the IVR has told of them.", len(daemon.calls))


def _signals(daemon: Parts) -> Iterator[Gauge]:
    counts = daemon.journal.counts
    oldest = daemon.delivering.oldest_at()
    yield _one("signals_pending", "Call signals that wait for CE.", daemon.delivering.sendable)
    text = "When the oldest pending call signal was accepted; 0 while none is pending."
    yield _one("signals_pending_oldest_timestamp_seconds", text, 0.0 if oldest is None else _offset(daemon) + oldest)
    text = "Call signals that somebody must look at."
    yield _many("signals_set_aside", text, "fate", [("refused", counts.refused), ("expired", counts.expired)])


def _surroundings(daemon: Parts) -> Iterator[Gauge]:
    offset, drain, reloaded = _offset(daemon), daemon.wishes.drain, daemon.last_reload
    ivr = daemon.configuration.ivr
    labels = {"ivr": ivr.name, "instance_id": ivr.instance_id, "mode": "backend" if ivr.channels else "frontend"}
    yield "agentchan_ivr_info", "Which IVR this daemon serves.", tuple(labels), [(labels, 1.0)]
    yield _one("start_timestamp_seconds", "When the daemon started.", offset + daemon.started_at)
    yield _one("draining", "Whether all channels are taken out.", drain is not None)
    text = "Since when all channels are taken out; 0 while they are not."
    yield _one("drain_since_timestamp_seconds", text, 0.0 if drain is None else offset + drain.since)
    text = "When calls in progress should have ended; 0 while nothing is drained, +Inf if that does not matter."
    until = 0.0 if drain is None else inf if drain.until == inf else offset + drain.until
    yield _one("drain_until_timestamp_seconds", text, until)
    health = daemon.journal.health
    yield _one("journal_writable", "Whether call signals can be put on disk.", health.state is JournalState.OK)
    text = "Whether a damaged journal was set aside in this run."
    yield _one("journal_set_aside", text, health.set_aside is not None)
    yield _one("config_last_reload_successful", "Whether the newest reload was.", reloaded.successful)
    yield _one("config_last_reload_success_timestamp_seconds", "When a reload last was.", reloaded.succeeded_at)
    text = "What somebody must look at, as the agent channel has noticed."
    yield _one("alarms", text, sum(1 for _ in alarms.standing(daemon)))
    state = daemon.ivr_health.state
    if state is not None:
        text = "1 while the IVR itself answers its health check, 0 while not, -1 while nobody knows."
        yield _one("ivr_up", text, _answer(state.up))
        text = "What the newest answer of the IVR took; -1 while there is none."
        yield _one("ivr_health_latency_seconds", text, _UNKNOWN if state.latency is None else state.latency)


def _endpoints(daemon: Parts) -> Iterator[Gauge]:
    rows = [row for row in daemon.endpoints.rows() if row.configured]
    text = "1 while a watched endpoint answers, 0 while not, -1 while nobody knows."
    yield _many("endpoint_available", text, "uri", [(row.uri, _answer(row.available)) for row in rows])
    text = "What the newest answer of a watched endpoint took; -1 while there is none."
    latencies = [(row.uri, _UNKNOWN if row.latency is None else row.latency) for row in rows]
    yield _many("endpoint_latency_seconds", text, "uri", latencies)
