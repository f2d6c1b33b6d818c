"""Metrics for Prometheus, by its naming rules: what happens is counted as it happens, what is so is read when asked.

Names are stable: alert rules and dashboards of sites are built on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from agentchan.api.events import Event
from agentchan.config import NOTIFY_EVENTS
from agentchan.process_metrics import process_metrics

PHASES = ("detect", "discover", "sign_on", "restore", "drain_outbox", "total")

REQUESTS = ("open-session", "set-readiness", "heartbeat", "close-session", "new-call", "gone", "get-status")
"""The duties whose exchanges are measured: all but the question that the host holds back."""

NOTIFICATION_OUTCOMES = ("delivered", "failed", "dropped", "damped")
"""What becomes of a notification: its way worked, or did not; too many waited; it was told of together with others."""

EVENTS = (
    "active-host-changed",
    "agent-channel",
    "call-began",
    "call-ended",
    "call-superseded",
    "call-too-long",
    "calls-ended",
    "certificate-expiring",
    "channel-free-asked",
    "channel-freed",
    "channel-stuck",
    "channel-unknown",
    "contended",
    "drain-begun",
    "drain-ended",
    "endpoint",
    "failover",
    "generation-forgotten",
    "heartbeat-refused",
    "host",
    "host-pinned",
    "host-unpinned",
    "ivr-health",
    "ivr-unknown",
    "journal",
    "list-put-off",
    "list-refused",
    "mark-fallen",
    "readiness-not-taken",
    "readiness-put-off",
    "readiness-refused",
    "readiness-restored",
    "readiness-wanted",
    "reload-refused",
    "reloaded",
    "repair",
    "signal-confirmed",
    "signal-discarded",
    "signal-expired",
    "signal-refused",
    "signal-retried",
    "signed-off",
    "signed-on",
    "verdict-changed",
    "wrong-host",
)
"""Every event by its name; also those that have not happened yet are counted, with 0."""

_FAILOVER_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
_SIGNAL_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_EXCHANGE_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_DELAY_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)

Row = tuple[Mapping[str, str], float]
Readings = Iterator[tuple[str, str, tuple[str, ...], list[Row]]]
"""For each gauge its name, its help, its labels, and its values by their labels."""

# A series with the time at which each counter was made says nothing that anybody asks, and doubles the text.
disable_created_metrics()


class Metrics:
    """Counts what happens, and renders.

    Args:
        gauges: what is so now.
        info: labels of the build.
    """

    def __init__(self, gauges: Callable[[], Readings], info: Mapping[str, str]) -> None:
        registry = self._registry = CollectorRegistry()
        self._gauges = gauges
        self._info = dict(info)
        self._signals = Counter(
            "agentchan_signals", "Call signals that met their fate.", ["kind", "fate"], registry=registry
        )
        self._repairs = Counter(
            "agentchan_repairs", "Signals made to mend a difference with CE.", ["why"], registry=registry
        )
        self._way = Histogram(
            "agentchan_signal_delivery_seconds",
            "From accepting a call signal to CE's confirmation.",
            ["kind"],
            buckets=_SIGNAL_BUCKETS,
            registry=registry,
        )
        self._failovers = Counter("agentchan_failovers", "Moves of the agent channel.", registry=registry)
        self._phases = Histogram(
            "agentchan_failover_phase_seconds",
            "What failovers took, phase by phase.",
            ["phase"],
            buckets=_FAILOVER_BUCKETS,
            registry=registry,
        )
        self._sign_ons = Counter("agentchan_sign_ons", "Sessions opened with CE.", registry=registry)
        self._events = Counter("agentchan_events", "Events by name.", ["event"], registry=registry)
        self._exchanges = Histogram(
            "agentchan_exchange_seconds",
            "From a request to CE to its reply; watch requests, which CE holds back, are left out.",
            ["request"],
            buckets=_EXCHANGE_BUCKETS,
            registry=registry,
        )
        self._delay = Histogram(
            "agentchan_reactor_delay_seconds",
            "How late the event loop was for a timer.",
            buckets=_DELAY_BUCKETS,
            registry=registry,
        )
        self._notifications = Counter(
            "agentchan_notifications",
            "What became of notifications of [[notify]] entries.",
            ["event", "outcome"],
            registry=registry,
        )
        self._certificates = Gauge(
            "agentchan_certificate_not_after_timestamp_seconds",
            "When a certificate in use expires.",
            ["certificate"],
            registry=registry,
        )
        self._begin()
        registry.register(_State(self))

    def _begin(self) -> None:
        """Let every series be there from the start: a rate over a series that appears with its first event is wrong."""
        for kind in ("new-call", "gone"):
            self._way.labels(kind)
            for fate in ("confirmed", "refused", "expired", "discarded"):
                self._signals.labels(kind, fate)
        for why in ("superseded", "ended-here", "unknown-call", "unknown-to-ce", "freed"):
            self._repairs.labels(why)
        for phase in PHASES:
            self._phases.labels(phase)
        # Those that each call signal moves are kept at hand: to find a series by its labels costs more than to move it.
        self._exchange_of = {request.replace("-", "_"): self._exchanges.labels(request) for request in REQUESTS}
        self._event_of = {event: self._events.labels(event) for event in EVENTS}
        for event in NOTIFY_EVENTS:
            for outcome in NOTIFICATION_OUTCOMES:
                self._notifications.labels(event, outcome)

    # -- what happens --------------------------------------------------------------------------------------------------

    def event(self, event: Event) -> None:
        """Count an event (a listener of the feed)."""
        (self._event_of.get(event.name) or self._events.labels(event.name)).inc()
        fields = event.fields
        if event.name.startswith("signal-") and "waited_ms" in fields:
            fate = event.name.removeprefix("signal-")
            self._signals.labels(fields["kind"], fate).inc()
            if fate == "confirmed":
                self._way.labels(fields["kind"]).observe(fields["waited_ms"] / 1000)
        elif event.name == "repair":
            self._repairs.labels(fields["why"]).inc()
        elif event.name == "failover":
            self._failovers.inc()
            for phase in PHASES:
                self._phases.labels(phase).observe(fields[phase] / 1000)
        elif event.name == "signed-on":
            self._sign_ons.inc()

    def exchanged(self, duty: str, seconds: float) -> None:
        """A request was answered.

        Args:
            duty: the profile's; one that is none of :data:`REQUESTS` is not measured.
            seconds: from when it was sent.
        """
        measured = self._exchange_of.get(duty)
        if measured is not None:
            measured.observe(seconds)

    def delayed(self, seconds: float) -> None:
        """A timer of the event loop was late."""
        self._delay.observe(max(0.0, seconds))

    def notified(self, event: str, outcome: str) -> None:
        """Count a notification.

        Args:
            event: as a ``[[notify]]`` entry names it.
            outcome: one of :data:`NOTIFICATION_OUTCOMES`.
        """
        self._notifications.labels(event, outcome).inc()

    def certificate(self, name: str, not_after: datetime | None) -> None:
        """A certificate in use was looked at.

        Args:
            name: whose it is.
            not_after: when it expires; None: there is none any more.
        """
        if not_after is None:
            self._certificates.remove(name)
        else:
            self._certificates.labels(name).set(not_after.timestamp())

    # -- what is so ----------------------------------------------------------------------------------------------------

    def render(self, accept: str = "") -> tuple[str, bytes]:
        """Content type and text.

        Args:
            accept: the Accept header.
        """
        encoder, content_type = choose_encoder(accept)
        return content_type, encoder(self._registry)

    def state(self) -> Iterator[Metric]:
        """Everything that is so now."""
        yield InfoMetricFamily("agentchan_build", "What is running.", value=self._info)
        for name, text, labels, rows in self._gauges():
            family = GaugeMetricFamily(name, text, labels=labels)
            for values, number in rows:
                family.add_metric([values[label] for label in labels], number)
            yield family
        yield from process_metrics()


class _State:
    """A collector of prometheus_client."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """See :meth:`Metrics.state`."""
        return self._metrics.state()

    def describe(self) -> list[Any]:
        """Nothing before the first reading: it may be that not everything is built yet."""
        return []
