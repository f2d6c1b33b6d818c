"""The numbers for Prometheus: everything that status tells, named by its rules, there from the start."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import pytest
from attrs import evolve

import agentchan
from agentchan.api.events import EventFeed
from agentchan.config import NOTIFY_EVENTS
from agentchan.core.calls import Call
from agentchan.core.observations import Answered, Failed, Mark, Pin
from agentchan.core.outbox_values import Entry
from agentchan.core.readiness import ByHand
from agentchan.core.session_values import Note
from agentchan.daemon import Daemon
from agentchan.metrics import EVENTS, NOTIFICATION_OUTCOMES, PHASES, REQUESTS, Metrics
from agentchan.process_metrics import process_metrics
from agentchan.repairing import StuckCall
from agentchan.vocabulary import ChannelReport, ChannelState, DomainState, Gone, NewCall, Rank, Role, ServerStatus
from agentchan.wishes import Drain
from tests.metrics.parts import BACKEND, FRONTEND, URLS, WALL, Samples, built, exported, samples, value

AT = datetime(2026, 11, 24, tzinfo=UTC)
NAME = re.compile(r"[a-z]+(-[a-z]+)*")
promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """With six channels, nobody asked yet."""
    return built(tmp_path)


def event(name: str, **fields: object) -> Metrics:
    """Metrics that were told of one event."""
    metrics = Metrics(lambda: iter(()), {"version": "0"})
    feed = EventFeed("run", lambda: "now")
    feed.listen(metrics.event)
    feed.publish(name, **fields)
    return metrics


def lines(metrics: Metrics) -> set[str]:
    """What is not zero."""
    return {line for line in metrics.render()[1].decode().splitlines() if line[0] != "#" and not line.endswith(" 0.0")}


def one_hot(found: Samples, name: str) -> dict[str, float]:
    """The values of a gauge by its one label."""
    return {next(iter(labels))[1]: number for (each, labels), number in found.items() if each == name}


# -- what is so -----------------------------------------------------------------------------------------------------


def test_before_anything_is_known(daemon: Daemon) -> None:
    """Every gauge is there, and says that nobody knows."""
    found = samples(daemon)
    assert one_hot(found, "agentchan_verdict")["unknown"] == 1
    assert sum(one_hot(found, "agentchan_verdict").values()) == 1
    assert one_hot(found, "agentchan_agent_channel_state")["down"] == 1
    assert one_hot(found, "agentchan_ce_domain_state") == {state.value: 0.0 for state in DomainState}
    assert one_hot(found, "agentchan_component_link_url_up") == dict.fromkeys(URLS, 0.0)
    assert one_hot(found, "agentchan_component_link_answered_timestamp_seconds") == dict.fromkeys(URLS, 0.0)
    for name in ("generation", "generation_mark", "ce_failing_over", "ivr_up", "ivr_health_latency_seconds"):
        assert value(daemon, f"agentchan_{name}") == -1.0
    assert value(daemon, "agentchan_endpoint_available", uri="sip:a@example.com") == -1.0
    for name in ("agent_channel_heard", "pinned_until", "drain_since", "drain_until", "signals_pending_oldest"):
        assert value(daemon, f"agentchan_{name}_timestamp_seconds") == 0.0
    assert value(daemon, "agentchan_ce_auto_failover_interval_seconds") == 300.0
    assert value(daemon, "agentchan_ivr_info", ivr="ivr1", instance_id="host-a", mode="backend") == 1.0
    assert value(daemon, "agentchan_start_timestamp_seconds") == WALL


def test_ce(daemon: Daemon) -> None:
    """Who says what, who is followed, and since when."""
    status = ServerStatus(
        Role.ACTIVE,
        DomainState.EMERGENCY,
        "contact-centre",
        "ce1",
        Rank.PRIMARY,
        generation=7,
        connector_url="http://x",
    )
    daemon.reactor.advance(10.0)
    daemon.following.observe(Answered(URLS[0], status, 1009.0, 1010.0))
    standby = evolve(status, role=Role.STANDBY, server_name="ce2", generation=6)
    daemon.following.observe(Answered(URLS[1], standby, 1009.0, 1010.0))
    daemon.following.observe(Failed(URLS[1], "refused", 1010.0))
    found = samples(daemon)
    assert one_hot(found, "agentchan_component_link_url_up") == {URLS[0]: 1.0, URLS[1]: 0.0}
    assert one_hot(found, "agentchan_component_link_answered_timestamp_seconds")[URLS[0]] == WALL + 10.0
    assert one_hot(found, "agentchan_ce_host_active") == {"ce1": 1.0, "ce2": 0.0}
    assert one_hot(found, "agentchan_ce_host_generation") == {"ce1": 7.0, "ce2": 6.0}
    assert one_hot(found, "agentchan_ce_domain_state")["Emergency"] == 1.0
    assert one_hot(found, "agentchan_verdict")["following"] == 1.0
    assert value(daemon, "agentchan_generation") == 7.0
    assert value(daemon, "agentchan_ce_failing_over") == 0.0
    assert value(daemon, "agentchan_verdict_since_timestamp_seconds") == WALL + 10.0
    assert value(daemon, "agentchan_component_link_up") == 1.0


def test_mark_and_pin(daemon: Daemon) -> None:
    """The mark, and until when a host is pinned."""
    daemon.following.topology = evolve(daemon.following.topology, marks=(Mark(None, 9, "ce1"),))
    daemon.following.pin(Pin("ce1", 1600.0, "a drill"))
    assert value(daemon, "agentchan_generation_mark") == 9.0
    assert value(daemon, "agentchan_pinned") == 1.0
    assert value(daemon, "agentchan_pinned_until_timestamp_seconds") == WALL + 600.0


def test_channels(daemon: Daemon) -> None:
    """What CE reports, what is wanted, and which channels need a look."""
    names = tuple(channel.name for channel in daemon.channels.all())
    states = (ChannelState.READY, ChannelState.READY, ChannelState.BUSY, ChannelState.WRAPUP, ChannelState.NOT_READY)
    reports = [
        ChannelReport(name, state, "call-1" if state.in_call else None)
        for name, state in zip(names, states, strict=False)
    ]
    daemon.channels.signed_on(reports, names, 1000.0)
    daemon.wishes.readiness.take_out(["c1", "elsewhere"], ByHand("noise"))
    daemon.wishes.apply()
    daemon.repairing.stuck["c3"] = StuckCall("c3", "call-1", 1000.0)
    daemon.repairing.stuck["c5"] = StuckCall("c5", "call-1", 1000.0)
    refused = Entry(Gone("s", "ivr1", "c4", "call-1", AT), 1000.0)
    daemon.delivering.outbox.refused["s"] = refused
    daemon.channels.exclude(["c6"])
    daemon.calls.began(Call("c3", "call-1", 1000.0))
    found = samples(daemon)
    assert one_hot(found, "agentchan_channels") == {
        "ready": 2.0,
        "busy": 1.0,
        "wrapup": 1.0,
        "not_ready": 1.0,
        "unknown": 1.0,
    }
    assert one_hot(found, "agentchan_channels_wanted") == {"ready": 5.0, "not-ready": 1.0}
    assert value(daemon, "agentchan_channels_configured") == 6.0
    assert value(daemon, "agentchan_channels_taken_out_by_hand") == 1.0
    assert value(daemon, "agentchan_channels_stuck") == 2.0
    assert value(daemon, "agentchan_channels_unknown_to_ce") == 1.0
    assert value(daemon, "agentchan_calls_open") == 1.0


def test_signals(daemon: Daemon) -> None:
    """How many wait, and since when the oldest does."""
    daemon.reactor.advance(60.0)
    daemon.delivering.outbox.accepted(Entry(NewCall("s", "ivr1", "c1", "call-1", AT), 1020.0))
    assert value(daemon, "agentchan_signals_pending") == 1.0
    assert value(daemon, "agentchan_signals_pending_oldest_timestamp_seconds") == WALL + 20.0


def test_surroundings(daemon: Daemon) -> None:
    """Drain, alarms, journal, reload."""
    daemon.wishes.drain = Drain(since=990.0, reason="", until=inf, who="anna")
    daemon.chronicle.alarmed(Note("ivr-unknown", "no such IVR", alarm=True))
    assert value(daemon, "agentchan_draining") == 1.0
    assert value(daemon, "agentchan_drain_since_timestamp_seconds") == WALL - 10.0
    assert value(daemon, "agentchan_drain_until_timestamp_seconds") == inf
    assert value(daemon, "agentchan_alarms") == 1.0
    assert value(daemon, "agentchan_config_last_reload_successful") == 1.0
    daemon.wishes.drain = Drain(since=990.0, reason="", until=1100.0, who="anna")
    assert value(daemon, "agentchan_drain_until_timestamp_seconds") == WALL + 100.0


def test_frontend_mode(tmp_path: Path) -> None:
    """Without channels there is no agent channel to speak of, and everything else is told."""
    found = samples(built(tmp_path, FRONTEND))
    assert not any(name.startswith("agentchan_agent_channel") for name, _ in found)
    assert found["agentchan_channels_configured", frozenset()] == 0.0


def test_what_scripts_ask_for_makes_no_series(daemon: Daemon) -> None:
    """Only configured endpoints are told: nobody outside can make series."""
    daemon.endpoints.ask("sip:stranger@example.com")
    found = one_hot(samples(daemon), "agentchan_endpoint_available")
    assert set(found) == {"sip:a@example.com"}


def test_the_process(tmp_path: Path) -> None:
    """What it costs; what the system does not tell is left out."""
    (found,) = [family for family in process_metrics() if family.name == "process_resident_memory_bytes"]
    assert found.samples[0].value > 1e6
    names = {family.name for family in process_metrics(tmp_path)}
    assert names == {"process_cpu_seconds", "process_max_fds"}


# -- what happens ---------------------------------------------------------------------------------------------------


def test_every_series_of_a_counter_is_there_from_the_start(daemon: Daemon) -> None:
    """A rate over a series that appears with its first event would be wrong."""
    found = samples(daemon)
    assert {labels for name, labels in found if name == "agentchan_events_total"} == {
        frozenset({("event", each)}) for each in EVENTS
    }
    for request in REQUESTS:
        assert value(daemon, "agentchan_exchange_seconds_count", request=request) == 0.0
    for phase in PHASES:
        assert value(daemon, "agentchan_failover_phase_seconds_count", phase=phase) == 0.0
    for name in NOTIFY_EVENTS:
        for outcome in NOTIFICATION_OUTCOMES:
            assert value(daemon, "agentchan_notifications_total", event=name, outcome=outcome) == 0.0


def told_names() -> Iterator[str]:
    """The name of every event that the sources tell of."""
    for path in Path(agentchan.__file__).parent.rglob("*.py"):
        if {"lab", "cli", "sip", "endpoints.py"} & set(path.parts):  # these tell other things, or only the log
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "attr", getattr(called, "id", ""))
            if (
                name in ("happened", "tell", "_tell", "Note", "_note", "publish")
                and isinstance(node, ast.Call)
                and node.args
            ):
                yield from (
                    each.value
                    for each in ast.walk(node.args[0])
                    if isinstance(each, ast.Constant) and isinstance(each.value, str) and NAME.fullmatch(each.value)
                )


def test_every_event_has_its_series() -> None:
    """Whoever invents an event adds it to the list."""
    ours = set(told_names())
    assert ours <= set(EVENTS)
    assert set(EVENTS) <= ours | {f"signal-{fate}" for fate in ("confirmed", "refused", "expired", "discarded")}


def test_fates() -> None:
    """A confirmed signal has taken its time; a refused one has met its fate."""
    confirmed = lines(event("signal-confirmed", kind="gone", waited_ms=20.0))
    assert 'agentchan_signals_total{fate="confirmed",kind="gone"} 1.0' in confirmed
    assert 'agentchan_signal_delivery_seconds_sum{kind="gone"} 0.02' in confirmed
    refused = lines(event("signal-refused", kind="new-call", waited_ms=20.0))
    assert 'agentchan_signals_total{fate="refused",kind="new-call"} 1.0' in refused
    assert not any("delivery" in line for line in refused)
    assert not any("agentchan_signals_total" in line for line in lines(event("signal-retried", signal_id="s")))


def test_repairs_sign_ons_and_failovers() -> None:
    """Each has a counter of its own, a failover its phases."""
    assert 'agentchan_repairs_total{why="freed"} 1.0' in lines(event("repair", why="freed"))
    assert "agentchan_sign_ons_total 1.0" in lines(event("signed-on", host="ce1"))
    phases = dict.fromkeys(PHASES, 500.0)
    found = lines(event("failover", **phases))
    assert "agentchan_failovers_total 1.0" in found
    assert 'agentchan_failover_phase_seconds_sum{phase="restore"} 0.5' in found


def test_exchanges_delays_notifications_and_certificates() -> None:
    """What is told directly."""
    metrics = Metrics(lambda: iter(()), {"version": "0"})
    metrics.exchanged("heartbeat", 0.004)
    metrics.exchanged("set_readiness", 0.5)
    metrics.exchanged("watch_status", 25.0)  # held back by the host: its time says nothing
    metrics.delayed(-0.1)
    metrics.delayed(0.3)
    metrics.notified("stuck", "failed")
    metrics.certificate("client", AT)
    found = lines(metrics)
    assert 'agentchan_exchange_seconds_sum{request="heartbeat"} 0.004' in found
    assert 'agentchan_exchange_seconds_sum{request="set-readiness"} 0.5' in found
    assert not any("watch" in line for line in found)
    assert "agentchan_reactor_delay_seconds_sum 0.3" in found
    assert 'agentchan_notifications_total{event="stuck",outcome="failed"} 1.0' in found
    certificate = 'agentchan_certificate_not_after_timestamp_seconds{certificate="client"} '
    (found_at,) = [line.removeprefix(certificate) for line in found if line.startswith(certificate)]
    assert float(found_at) == AT.timestamp()
    metrics.certificate("client", None)
    metrics.certificate("client", None)
    assert not any("not_after" in line for line in lines(metrics))


# -- as Prometheus wants it -----------------------------------------------------------------------------------------


def test_content_types(daemon: Daemon) -> None:
    """The plain text form, or OpenMetrics where it is asked for."""
    assert daemon.metrics.render()[0].startswith("text/plain")
    accept = "application/openmetrics-text; version=1.0.0"
    content_type, text = daemon.metrics.render(accept)
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")


def test_names(daemon: Daemon) -> None:
    """All are ours, or the process's under the names that everybody knows."""
    assert all(name.startswith(("agentchan_", "process_")) for name in exported(daemon))


@promtool
@pytest.mark.parametrize("text", [BACKEND, FRONTEND])
def test_promtool_finds_nothing(tmp_path: Path, text: str) -> None:
    """Names, units and help are as Prometheus's own linter wants them."""
    daemon = built(tmp_path, text)
    daemon.metrics.certificate("client", AT)
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=daemon.metrics.render()[1], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
