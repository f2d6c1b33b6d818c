"""What the API may ask of the daemon, done: looks at the parts, and acts on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from agentchan import __version__, configured, explaining, status
from agentchan.api import requests
from agentchan.api.events import EventFeed
from agentchan.api.operator import Soon
from agentchan.api.refusals import NotOffered, Refused, journal_unavailable, unknown_channel
from agentchan.config import as_json
from agentchan.core.channel import Channel
from agentchan.core.observations import Pin
from agentchan.core.session_values import State
from agentchan.core.verdict import Kind
from agentchan.journal.errors import JournalError
from agentchan.journal.health import State as JournalState
from agentchan.journal.writes import FailoverHappened, MarkFallen, PinLifted, PinSet
from agentchan.parts import Parts
from agentchan.problems import Snapshot, problems
from agentchan.reload import reload
from agentchan.status import Moment
from agentchan.vocabulary import ChannelState

Json = Mapping[str, Any]

SERVES = (State.UP, State.RESTORING, State.SUSPECT)
"""The states of the agent channel in which CE may give us calls."""


class Operations:
    """The daemon's side of the API.

    Args:
        daemon: the parts.
    """

    def __init__(self, daemon: Parts) -> None:
        self._daemon = daemon

    @property
    def feed(self) -> EventFeed:
        """Every change."""
        return self._daemon.feed

    # -- looking -----------------------------------------------------------------------------------------------------

    def livez(self) -> Json:
        """Whether the loop turns: it does, or nobody would answer."""
        return {"live": True, "reasons": []}

    def readyz(self) -> Json:
        """Whether calls may come, and if not, why."""
        daemon = self._daemon
        if daemon.agent_channel is None:
            following = daemon.following.verdict.kind in (Kind.FOLLOWING, Kind.PINNED)
            return {"ready": following, "reasons": [] if following else [daemon.following.verdict.reason]}
        shown = daemon.agent_channel.shown()
        reasons = []
        if shown.state not in SERVES:
            reasons.append(
                f"the agent channel is {shown.state.value}: {shown.error or daemon.following.verdict.reason}"
            )
        if daemon.wishes.drain is not None:
            reasons.append("draining; 'agentchan resume' ends it")
        serving = {ChannelState.READY, ChannelState.BUSY, ChannelState.WRAPUP}
        if "set_readiness" not in daemon.profile.duties:
            serving.add(ChannelState.UNKNOWN)
        if not any(channel.reported in serving for channel in daemon.channels.all()):
            reasons.append("no channel is Ready, Busy or in Wrapup; 'agentchan channels' tells why")
        if daemon.journal.health.state is not JournalState.OK:
            reasons.append(f"the journal cannot be written: {daemon.journal.health.reason}")
        return {"ready": not reasons, "reasons": reasons}

    def metrics(self) -> Soon[tuple[str, bytes]]:
        """Not yet."""
        raise NotOffered("metrics")

    def status(self) -> Json:
        """Everything at a glance."""
        daemon = self._daemon
        moment = self._moment()
        following = daemon.following
        shown = daemon.agent_channel.shown() if daemon.agent_channel is not None else None
        failing_over = following.failing_over(configured.oldest_answer(daemon.configuration))
        drain = daemon.wishes.drain
        health = daemon.journal.health
        found = problems(
            Snapshot(
                verdict=following.verdict,
                verdict_since=daemon.verdict_since,
                shown=shown,
                journal=health,
                drain=drain,
                alarms=daemon.chronicle.alarms,
            ),
            moment,
        )
        ce = status.ce(following.topology, following.verdict, failing_over, moment)
        return {
            "ivr": daemon.configuration.ivr.name,
            "instance_id": daemon.configuration.ivr.instance_id,
            "version": __version__,
            "uptime_s": round(moment.monotonic - daemon.started_at, 3),
            "mode": "frontend" if daemon.agent_channel is None else "backend",
            "draining": drain is not None,
            "drain": None
            if drain is None
            else {
                "since": moment.time_of_day(drain.since),
                "who": drain.who,
                "reason": drain.reason,
                "calls": self._calls_at_ce(),
                "timeout_s": None if drain.until == inf else max(0.0, drain.until - moment.monotonic),
            },
            "problems": found,
            "component_link": status.component_link(following.topology, moment),
            "ce": {**ce, "since": moment.time_of_day(daemon.verdict_since)},
            "agent_channel": None if shown is None else status.agent_channel(shown, moment),
            "channels": {
                **status.channel_counts(daemon.channels.all()),
                "unknown_to_ce": len(daemon.channels.unknown()),
            },
            "signals": {"pending": 0, "oldest_s": 0, "confirmed": 0, "refused": 0, "expired": 0, "repairs": 0},
            "journal": {"state": health.state.value, "error": health.reason or None},
            "ivr_health": None,
        }

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
        daemon = self._daemon
        channel = self._channel(name)
        return explaining.explain(
            channel,
            self._row(channel, self._moment()),
            verdict=daemon.following.verdict,
            shown=daemon.agent_channel.shown() if daemon.agent_channel is not None else None,
            readiness=daemon.wishes.readiness,
            drain=daemon.wishes.drain,
            moment=self._moment(),
        )

    def timing(self) -> Json:
        """How failover time is made up."""
        return {"rows": explaining.timing(self._daemon.configuration)}

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

    def endpoint_available(self, uri: str) -> Soon[Json]:
        """Not yet."""
        raise NotOffered("endpoint checks")

    def endpoints(self) -> Soon[Iterable[Json]]:
        """Not yet."""
        raise NotOffered("endpoint checks")

    def configuration(self) -> Json:
        """The configuration in force."""
        return as_json(self._daemon.configuration)

    # -- acting ------------------------------------------------------------------------------------------------------

    def set_readiness(self, request: requests.ReadinessRequest) -> Deferred[Json]:
        """An operator wants channels ready or not ready."""
        daemon = self._daemon
        if request.channels is None:
            names = tuple(channel.name for channel in daemon.channels.all())
        else:
            names = tuple(dict.fromkeys(self._channel(name).name for name in request.channels))
        if not names:
            raise Refused("frontend-mode", "this daemon has no channels: [ivr] channels is empty")
        if "set_readiness" not in daemon.profile.duties:
            text = f"profile {daemon.profile.name} cannot tell CE of readiness (set_readiness is not mapped)"
            raise Refused("unsupported", text)
        before = {name: daemon.channels[name].wish for name in names}
        kept = daemon.wishes.by_hand(
            names, ready=request.ready, reason=request.reason or "", for_=request.for_, who=request.who
        )
        changed = sum(before[name] != daemon.channels[name].wish for name in names)
        until = None if request.for_ is None else daemon.reactor.seconds() + request.for_
        daemon.chronicle.happened(
            "readiness-wanted",
            ready=request.ready,
            reason=request.reason,
            channels=len(names),
            changed=changed,
            who=request.who,
        )
        done = {"channels": len(names), "changed": changed, "until": self._moment().time_of_day(until)}
        return _kept(kept, done)

    def drain(self, request: requests.DrainRequest) -> Deferred[Json]:
        """Take every channel out."""
        daemon = self._daemon
        kept = daemon.wishes.begin_drain(reason=request.reason or "", timeout=request.timeout, who=request.who)
        daemon.chronicle.happened("drain-begun", reason=request.reason, who=request.who)
        return _kept(kept, {"draining": True, "calls": self._calls_at_ce()})

    def resume(self, who: str) -> Deferred[Json]:
        """End the drain."""
        daemon = self._daemon
        was = daemon.wishes.drain is not None
        kept = daemon.wishes.end_drain()
        daemon.chronicle.happened("drain-ended", who=who)
        return _kept(kept, {"draining": False, "was_draining": was})

    def follow(self, request: requests.FollowRequest) -> Deferred[Json]:
        """Pin a host."""
        daemon = self._daemon
        views = daemon.following.topology.views
        host = next((view.host for view in views if request.host in (view.host, view.url)), None)
        if host is None:
            known = ", ".join(dict.fromkeys(view.host for view in views))
            raise Refused("unknown-host", f"there is no host {request.host!r}; known are {known}", 404)
        until = daemon.reactor.seconds() + request.for_
        moment = self._moment()
        daemon.following.pin(Pin(host, until, request.reason))
        daemon.chronicle.happened("host-pinned", host=host, reason=request.reason, who=request.who)
        write = PinSet(host, request.reason, moment.datetime(moment.monotonic), moment.datetime(until), request.who)
        return _kept(daemon.journal.record([write]), {"host": host, "until": moment.time_of_day(until)})

    def unfollow(self, who: str) -> Deferred[Json]:
        """Take the pin away."""
        daemon = self._daemon
        pin = daemon.following.topology.pin
        daemon.following.pin(None)
        daemon.chronicle.happened("host-unpinned", host=pin.host if pin else None, who=who)
        return _kept(daemon.journal.record([PinLifted()]), {"was_pinned": pin.host if pin else None})

    def forget_generation(self, request: requests.ForgetGenerationRequest) -> Deferred[Json]:
        """Let the marks fall, on disk, too."""
        daemon = self._daemon
        topology = daemon.following.topology
        mark = topology.mark(topology.home)
        daemon.following.forget_generation()
        daemon.chronicle.happened("generation-forgotten", level="warning", reason=request.reason, who=request.who)
        forgotten = {"domain": topology.home, "forgotten": mark.generation if mark else None}
        return _kept(daemon.journal.record([MarkFallen(topology.home)]), forgotten)

    def reload(self, who: str) -> Deferred[Json]:
        """Read the configuration anew."""
        return reload(self._daemon, who)

    # -- call signals ------------------------------------------------------------------------------------------------

    def new_call(self, request: requests.NewCallRequest) -> Soon[Json]:
        """Not yet."""
        raise NotOffered("call signals")

    def gone(self, request: requests.GoneRequest) -> Soon[Json]:
        """Not yet."""
        raise NotOffered("call signals")

    def calls(self, query: requests.CallsQuery) -> Soon[Iterable[Json]]:
        """Not yet."""
        raise NotOffered("call signals")

    def put_calls(self, request: requests.PutCallsRequest) -> Soon[Json]:
        """Not yet."""
        raise NotOffered("call signals")

    def signals(self, query: requests.SignalsQuery) -> Soon[Iterable[Json]]:
        """Not yet."""
        raise NotOffered("call signals")

    def signal(self, signal_id: str) -> Soon[Json]:
        """Not yet."""
        raise NotOffered("call signals")

    def retry(self, request: requests.SignalRequest) -> Soon[Json]:
        """Not yet."""
        raise NotOffered("call signals")

    def discard(self, request: requests.SignalRequest) -> Soon[Json]:
        """Not yet."""
        raise NotOffered("call signals")

    def free(self, request: requests.FreeRequest) -> Soon[Json]:
        """Not yet."""
        raise NotOffered("call signals")

    @property
    def soap_paths(self) -> tuple[str, ...]:
        """No door but the usual one."""
        return ()

    def soap(self, request: requests.SoapRequest) -> Soon[requests.SoapAnswer]:
        """Not yet."""
        raise NotOffered("the SOAP door")

    def wsdl(self, base_url: str) -> Soon[requests.SoapAnswer]:
        """Not yet."""
        raise NotOffered("the SOAP door")

    # -- inside ------------------------------------------------------------------------------------------------------

    def _moment(self) -> Moment:
        return Moment(self._daemon.reactor.seconds(), self._daemon.wall())

    def _channel(self, name: str) -> Channel:
        channels = self._daemon.channels
        known = name if name in channels else self._daemon.configuration.ivr.aliases.get(name)
        if known is None or known not in channels:
            raise unknown_channel(name)
        return channels[known]

    def _row(self, channel: Channel, moment: Moment) -> dict[str, Any]:
        by_hand = self._daemon.wishes.readiness.by_hand.get(channel.name)
        return status.channel_row(
            channel,
            moment,
            {
                "until": moment.time_of_day(by_hand.until) if by_hand else None,
                "who": by_hand.who if by_hand else None,
            },
        )

    def _calls_at_ce(self) -> int:
        return sum(channel.reported.in_call for channel in self._daemon.channels.all())


def _kept(kept: Deferred[None], done: dict[str, Any]) -> Deferred[Json]:
    """What was done counts already; if it could not be put on disk, that is said."""

    def not_on_disk(failure: Failure) -> dict[str, Any]:
        failure.trap(JournalError)
        warning = f"it counts now, but is lost at the next start: the journal cannot be written: {failure.value}"
        return {**done, "warning": warning}

    return kept.addCallbacks(lambda _: done, not_on_disk)


def _unavailable(failure: Failure) -> Any:
    failure.trap(JournalError)
    raise journal_unavailable(str(failure.value))


def _failover(row: FailoverHappened) -> Json:
    phases = ("detect", "discover", "sign_on", "restore", "drain_outbox", "total")
    return {
        "at": row.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "from": row.from_host,
        "to": row.to_host,
        "cause": row.cause,
        "generation": row.generation,
        **{name: _milliseconds(getattr(row, name)) for name in phases},
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
