"""Which SIP endpoints answer: those of the configuration are watched all the time, others once somebody has asked.

A question is answered at once from what is known, with its age. Only the first question about an endpoint waits for a
probe, and not longer than a probe may take.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import structlog
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from agentchan.config import EndpointCheck
from agentchan.core.backoff import Jitter
from agentchan.core.presence import Presence, Thresholds, first_pause
from agentchan.endpoint_answers import EndpointAnswer, EndpointRow
from agentchan.presence_watch import PresenceWatch
from agentchan.sip.errors import UnusableUri
from agentchan.sip.outcome import Outcome
from agentchan.sip.prober import Question
from agentchan.sip.uri import SipUri, gateway_uri, is_tel

log = structlog.get_logger("agentchan.endpoints")

WATCHED_AFTER_QUESTION = 600.0
"""Seconds that an endpoint is watched after the last question about it."""

MOST_ASKED_FOR = 2000
"""Endpoints that are watched since somebody has asked; the one with the oldest question makes room."""

_FIRST_PROBES_A_SECOND = 200.0

_TOO_OLD = 3.0
"""Intervals with timeouts; knowledge that has not been renewed for so many is no answer any more."""

_BEYOND_A_PROBE = 0.1
"""Seconds that who waits for a probe waits longer than the probe may take: it comes to its own end, with its reason."""

_NO_GATEWAY = "a tel: URI can be probed only with tel_gateway in [endpoint_check]"

Probe = Callable[[Question, bool], Deferred[Outcome]]
"""Asks one question, told whether somebody waits: ``Prober.probe``."""


@define(eq=False)
class _Watched:
    """One endpoint.

    Attributes:
        text: the URI as it is configured, or was asked for first.
        asked_at: when somebody asked last, None while nobody has.
        waiting: who wait for the first probe, each with the URI as it was asked for.
        patience: runs out when they have waited too long.
    """

    text: str
    watch: PresenceWatch
    configured: bool = False
    asked_at: float | None = None
    waiting: list[tuple[str, Deferred[EndpointAnswer]]] = field(factory=list)
    patience: IDelayedCall | None = None


class EndpointWatch:
    """Watches endpoints and answers questions about them.

    Attributes:
        on_change: told of each endpoint whose ``available`` has changed, and what it was before; may be replaced.
    """

    def __init__(
        self,
        reactor: Any,
        probe: Probe,
        settings: EndpointCheck,
        *,
        jitter: Jitter,
        wall: Callable[[], float],
        on_change: Callable[[EndpointRow, bool | None], None] = lambda _row, _before: None,
        most_asked_for: int = MOST_ASKED_FOR,
    ) -> None:
        """Prepare; nothing is probed before :meth:`start`.

        Args:
            reactor: its clock.
            probe: asks one question.
            settings: the ``[endpoint_check]`` section.
            jitter: a draw between two numbers.
            wall: the time of day, seconds since the epoch.
            on_change: see above.
            most_asked_for: endpoints outside the configuration that are watched at once.
        """
        self._reactor = reactor
        self._probe = probe
        self._settings = settings
        self._jitter = jitter
        self._wall = wall
        self.on_change = on_change
        self._most_asked_for = most_asked_for
        self._running = False
        self._watched: OrderedDict[str, _Watched] = OrderedDict()
        self._unusable: dict[str, str] = {}

    # -- what happens to it ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to watch the configured endpoints, spread out in time."""
        self._running = True
        self._configure()

    def stop(self) -> None:
        """Watch nothing any more; who waits is told that nobody knows."""
        self._running = False
        for key in tuple(self._watched):
            self._forget(key)

    def reload(self, settings: EndpointCheck) -> None:
        """New settings; what is known of endpoints that stay is kept, and counting goes on."""
        old, self._settings = self._settings, settings
        if not self._running:
            return
        for watched in self._watched.values():
            watched.watch.thresholds = self._thresholds
            watched.watch.retime(settings.interval)
            if is_tel(watched.text) and settings.tel_gateway != old.tel_gateway:
                watched.asked_at = None  # it stood for a number at the old gateway
        self._configure()

    # -- questions ---------------------------------------------------------------------------------------------------

    def ask(self, text: str) -> EndpointAnswer | Deferred[EndpointAnswer]:
        """Does this endpoint answer?

        Args:
            text: a sip, sips or tel URI.

        Returns:
            What is known, at once; a Deferred, which never fails, if nobody has asked for this endpoint before.

        Raises:
            UnusableUri: the URI is malformed, or names a transport that cannot be probed.
        """
        if not self._settings.enabled or not self._running:
            return EndpointAnswer(None, text, "disabled")
        if is_tel(text) and self._settings.tel_gateway is None:
            gateway_uri(text, "sip:{number}@gateway.invalid")
            return EndpointAnswer(None, text, _NO_GATEWAY)
        uri = self._uri(text)
        watched = self._watched.get(uri.text)
        if watched is None:
            watched = self._begin(text, uri, self._settings.interval)
            self._make_room()
        watched.asked_at = self._reactor.seconds()
        self._watched.move_to_end(uri.text)
        if watched.watch.last is not None:
            return self._answer(watched, text)
        answer: Deferred[EndpointAnswer] = Deferred()
        watched.waiting.append((text, answer))
        if watched.patience is None:
            patience = self._settings.timeout + _BEYOND_A_PROBE
            watched.patience = self._reactor.callLater(patience, self._release, watched)
        watched.watch.check_now()
        return answer

    def rows(self) -> Iterator[EndpointRow]:
        """The watched endpoints, those of the configuration first; stands changes meanwhile."""
        every = list(self._watched.values())
        for text, fault in tuple(self._unusable.items()):
            yield EndpointRow(text, None, fault, configured=True)
        for configured in (True, False):
            yield from (self._row(watched) for watched in every if watched.configured is configured)

    # -- inside ------------------------------------------------------------------------------------------------------

    @property
    def _thresholds(self) -> Thresholds:
        return Thresholds(self._settings.fall, self._settings.rise)

    def _uri(self, text: str) -> SipUri:
        """What is probed for a URI.

        Raises:
            UnusableUri: nothing can be.
        """
        if not is_tel(text):
            return SipUri.parse(text)
        if self._settings.tel_gateway is None:
            raise UnusableUri(_NO_GATEWAY)
        return gateway_uri(text, self._settings.tel_gateway)

    def _configure(self) -> None:
        """Bring what is watched into line with the settings."""
        wanted = self._wanted()
        for key, watched in tuple(self._watched.items()):
            watched.configured = key in wanted
            if watched.configured:
                watched.text = wanted[key][0]
            elif watched.asked_at is None or not self._settings.enabled:
                self._forget(key)
        new = [entry for key, entry in wanted.items() if key not in self._watched]
        for text, uri in new:
            delay = first_pause(
                len(new), interval=self._settings.interval, a_second=_FIRST_PROBES_A_SECOND, jitter=self._jitter
            )
            self._begin(text, uri, delay).configured = True

    def _wanted(self) -> Mapping[str, tuple[str, SipUri]]:
        """The configured endpoints that can be probed; notes the others."""
        wanted: dict[str, tuple[str, SipUri]] = {}
        self._unusable = {}
        for text in self._settings.endpoints if self._settings.enabled else ():
            try:
                uri = self._uri(text)
            except UnusableUri as fault:
                self._unusable[text] = str(fault)
                log.warning("endpoint-unusable", uri=text, error=str(fault))
            else:
                wanted.setdefault(uri.text, (text, uri))
        return wanted

    def _begin(self, text: str, uri: SipUri, delay: float) -> _Watched:
        def check(urgent: bool) -> Deferred[Outcome]:
            settings = self._settings
            return self._probe(Question(uri, settings.timeout, settings.unavailable_codes), urgent)

        watch = PresenceWatch(
            self._reactor,
            check,
            self._thresholds,
            self._settings.interval,
            self._jitter,
            lambda _watch, before: self._checked(uri.text, watched, before),
        )
        watched = self._watched[uri.text] = _Watched(text, watch)
        watch.start(delay)
        return watched

    def _checked(self, key: str, watched: _Watched, before: Presence) -> None:
        self._release(watched)
        if watched.watch.presence.available is not before.available:
            self.on_change(self._row(watched), before.available)
        asked_at = watched.asked_at
        if asked_at is not None and self._reactor.seconds() - asked_at > WATCHED_AFTER_QUESTION:
            watched.asked_at = None
            if not watched.configured:
                self._forget(key)

    def _release(self, watched: _Watched) -> None:
        """Answer who wait with what is known now."""
        patience, watched.patience = watched.patience, None
        if patience is not None and patience.active():
            patience.cancel()
        waiting, watched.waiting = watched.waiting, []
        for text, answer in waiting:
            answer.callback(self._answer(watched, text))

    def _make_room(self) -> None:
        asked = [key for key, watched in self._watched.items() if not watched.configured]
        for key in asked[: max(0, len(asked) - self._most_asked_for)]:
            self._forget(key)

    def _forget(self, key: str) -> None:
        watched = self._watched.pop(key)
        watched.watch.stop()
        self._release(watched)

    def _answer(self, watched: _Watched, text: str) -> EndpointAnswer:
        watch, last = watched.watch, watched.watch.last
        if last is None:
            return EndpointAnswer(None, text, "no probe has ended yet")
        age = self._reactor.seconds() - watch.checked_at
        too_old = age > _TOO_OLD * (self._settings.interval + self._settings.timeout)
        return EndpointAnswer(
            available=None if too_old else watch.presence.available,
            uri=text,
            reason=f"last checked {age:.0f} s ago: {watch.reason}" if too_old else watch.reason,
            status_code=last.status_code,
            latency=last.latency,
            checked_at=self._wall() - age,
            age=age,
        )

    def _row(self, watched: _Watched) -> EndpointRow:
        answer = self._answer(watched, watched.text)
        since = watched.watch.presence.since
        return EndpointRow(
            uri=watched.text,
            available=answer.available,
            reason=answer.reason,
            configured=watched.configured,
            status_code=answer.status_code,
            latency=answer.latency,
            since=None if since is None else self._wall() - (self._reactor.seconds() - since),
            age=answer.age,
        )
