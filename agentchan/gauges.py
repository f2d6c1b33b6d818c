"""What is so now, as numbers for Prometheus: read off the daemon's parts when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from agentchan import configured
from agentchan.core.session_values import State
from agentchan.core.verdict import Kind, known_hosts
from agentchan.journal.health import State as JournalState
from agentchan.metrics import Row
from agentchan.parts import Parts
from agentchan.status import channel_counts
from agentchan.vocabulary import Role

Gauge = tuple[str, str, list[Row]]


def gauges(daemon: Parts) -> Iterator[Gauge]:
    """Every gauge, with its help and its values by their labels."""
    yield from _ce(daemon)
    yield from _agent_channel(daemon)
    yield from _signals(daemon)
    yield from _surroundings(daemon)


def _one(name: str, text: str, number: float) -> Gauge:
    return f"agentchan_{name}", text, [({}, float(number))]


def _states(name: str, text: str, label: str, states: Iterable[str], present: str) -> Gauge:
    """A gauge per state, 1 for the one that is so."""
    return f"agentchan_{name}", text, [({label: state}, float(state == present)) for state in states]


def _ce(daemon: Parts) -> Iterator[Gauge]:
    topology, verdict = daemon.following.topology, daemon.following.verdict
    moment = daemon.reactor.seconds(), daemon.wall()
    views = topology.views
    yield (
        "agentchan_component_link_url_up",
        "Whether the newest question to a URL was answered.",
        [({"url": view.url}, float(view.error is None)) for view in views],
    )
    yield (
        "agentchan_component_link_answered_timestamp_seconds",
        "When a URL answered last.",
        [
            ({"url": each.url}, moment[1] - moment[0] + each.answered_at)
            for each in views
            if each.answered_at is not None
        ],
    )
    yield (
        "agentchan_ce_host_active",
        "Whether a host says that it is active.",
        [({"host": host.name}, float(host.role is Role.ACTIVE)) for host in known_hosts(topology)],
    )
    yield _states(
        "verdict", "How sure we are of the active host.", "verdict", (k.value for k in Kind), verdict.kind.value
    )
    if verdict.generation is not None:
        yield _one("generation", "The generation of the active host.", verdict.generation)
    answer = daemon.following.failing_over(configured.oldest_answer(daemon.configuration)).answer
    text = "1 while CE is failing over or back, 0 while not, -1 while nobody knows."
    yield _one("ce_failing_over", text, -1 if answer is None else int(answer))


def _agent_channel(daemon: Parts) -> Iterator[Gauge]:
    channel = daemon.agent_channel
    if channel is None:
        return
    shown = channel.shown()
    offset = daemon.wall() - daemon.reactor.seconds()
    states = (state.value for state in State)
    yield _states("agent_channel_state", "The agent channel's state.", "state", states, shown.state.value)
    yield _one("agent_channel_since_timestamp_seconds", "Since when it is in that state.", shown.since + offset)
    if shown.heard_at is not None:
        yield _one("agent_channel_heard_timestamp_seconds", "CE's last sign of life.", shown.heard_at + offset)
    not_after: datetime | None = channel.certificate_not_after
    if not_after is not None:
        text = "When the certificate of the host's IVR Connector expires."
        yield _one("tls_peer_not_after_timestamp_seconds", text, not_after.timestamp())
    counts = channel_counts(daemon.channels.all())
    del counts["stuck"]
    total = counts.pop("total")
    yield _one("channels_configured", "IVR channels in the configuration.", total)
    rows: list[Row] = [({"state": state}, float(number)) for state, number in counts.items()]
    yield "agentchan_channels", "IVR channels by what CE reports.", rows
    yield _one("channels_stuck", "Channels with a call that nobody here knows.", len(daemon.repairing.stuck))
    yield _one("channels_unknown_to_ce", "Channels that CE does not know.", len(daemon.channels.unknown()))


def _signals(daemon: Parts) -> Iterator[Gauge]:
    outbox, counts = daemon.delivering.outbox, daemon.journal.counts
    oldest = outbox.oldest_at()
    yield _one("signals_pending", "Call signals that wait for CE.", len(outbox))
    yield _one(
        "signals_pending_oldest_timestamp_seconds",
        "When the oldest pending call signal was accepted; 0 while none is pending.",
        0.0 if oldest is None else daemon.wall() - daemon.reactor.seconds() + oldest,
    )
    rows: list[Row] = [({"fate": "refused"}, float(counts.refused)), ({"fate": "expired"}, float(counts.expired))]
    yield "agentchan_signals_set_aside", "Call signals that somebody must look at.", rows
    yield _one("calls_open", "Calls in progress.", len(daemon.calls))


def _surroundings(daemon: Parts) -> Iterator[Gauge]:
    yield _one(
        "start_timestamp_seconds",
        "When the daemon started.",
        daemon.wall() - (daemon.reactor.seconds() - daemon.started_at),
    )
    yield _one("draining", "Whether all channels are taken out.", daemon.wishes.drain is not None)
    health = daemon.journal.health.state
    yield _one("journal_writable", "Whether call signals can be put on disk.", health is JournalState.OK)
    reloaded = daemon.last_reload
    yield _one("config_last_reload_successful", "Whether the newest reload was.", reloaded.successful)
    yield _one("config_last_reload_success_timestamp_seconds", "When a reload last was.", reloaded.succeeded_at)
    ivr = daemon.ivr_health.state
    if ivr is not None:
        text = "1 while the IVR itself answers, 0 while not, -1 while nobody knows."
        yield _one("ivr_up", text, -1 if ivr.up is None else int(ivr.up))
    rows = list(daemon.endpoints.rows())
    if rows:
        text = "1 while an endpoint answers, 0 while not, -1 while nobody knows."
        up: list[Row] = [({"uri": row.uri}, -1.0 if row.available is None else float(row.available)) for row in rows]
        yield "agentchan_endpoint_available", text, up
        took: list[Row] = [({"uri": row.uri}, row.latency) for row in rows if row.latency is not None]
        if took:
            yield "agentchan_endpoint_latency_seconds", "What the newest answer of an endpoint took.", took
