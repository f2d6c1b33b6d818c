"""Acting on the daemon: readiness, drain, whom to follow, reload."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from agentchan import configured
from agentchan.api import requests
from agentchan.api.refusals import Refused
from agentchan.core.observations import Pin
from agentchan.journal.errors import JournalError
from agentchan.journal.writes import MarkFallen, PinLifted, PinSet
from agentchan.operations.base import Base, Json
from agentchan.reload import reload
from agentchan.status import host_called


class Acting(Base):
    """What an operator has done."""

    def set_readiness(self, request: requests.ReadinessRequest) -> Deferred[Json]:
        """An operator wants channels ready or not ready."""
        daemon = self._daemon
        if request.channels is None:
            names = tuple(channel.name for channel in daemon.channels.all())
        else:
            names = tuple(dict.fromkeys(self._channel(name).name for name in request.channels))
        if not names:
            raise Refused("frontend-mode", "this daemon has no channels: [ivr] channels is empty")
        if "set_readiness" not in daemon.profile.duties and not daemon.profile.withholds_gone:
            raise Refused("unsupported", self._cannot_tell())
        before = {name: daemon.channels[name].wish for name in names}
        kept = daemon.wishes.by_hand(
            names, ready=request.ready, reason=request.reason or "", for_=request.for_, who=request.who
        )
        changed = sum(before[name] != daemon.channels[name].wish for name in names)
        until = None if request.for_ is None or request.ready else daemon.reactor.seconds() + request.for_
        daemon.chronicle.happened(
            "readiness-wanted",
            ready=request.ready,
            reason=request.reason,
            channels=len(names),
            changed=changed,
            who=request.who,
        )
        done = {"channels": len(names), "changed": changed, "until": self._moment().time_of_day(until)}
        return _kept(kept, done if request.ready else {**done, **self._remark()})

    def drain(self, request: requests.DrainRequest) -> Deferred[Json]:
        """Take every channel out."""
        daemon = self._daemon
        kept = daemon.wishes.begin_drain(reason=request.reason or "", timeout=request.timeout, who=request.who)
        daemon.chronicle.happened("drain-begun", reason=request.reason, who=request.who)
        return _kept(kept, {"draining": True, "calls": self._calls_in_progress(), **self._remark()})

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
        pinned = next((view for view in views if request.host in (view.host, view.url)), None)
        if pinned is None:
            known = ", ".join(dict.fromkeys(view.host for view in views))
            raise Refused("unknown-host", f"there is no host {request.host!r}; known are {known}", 404)
        host = pinned.host
        # Where only connectors tell who they are, a name says after a restart nothing about whom to ask.
        kept = pinned.url if configured.connector_answers(daemon.configuration) else host
        until = daemon.reactor.seconds() + request.for_
        moment = self._moment()
        daemon.following.pin(Pin(host, until, request.reason, request.who))
        daemon.chronicle.happened("host-pinned", host=host, reason=request.reason, who=request.who)
        write = PinSet(kept, request.reason, moment.datetime(moment.monotonic), moment.datetime(until), request.who)
        return _kept(daemon.journal.record([write]), {"host": host, "until": moment.time_of_day(until)})

    def unfollow(self, who: str) -> Deferred[Json]:
        """Take the pin away."""
        daemon = self._daemon
        topology = daemon.following.topology
        pinned = host_called(topology, topology.pin.host) if topology.pin is not None else None
        daemon.following.pin(None)
        daemon.chronicle.happened("host-unpinned", host=pinned, who=who)
        return _kept(daemon.journal.record([PinLifted()]), {"was_pinned": pinned})

    def forget_generation(self, request: requests.ForgetGenerationRequest) -> Deferred[Json]:
        """Let the marks fall, on disk, too."""
        daemon = self._daemon
        topology = daemon.following.topology
        mark = topology.mark(topology.home)
        daemon.following.forget_generation()
        # Whoever forgets it by hand knows why hosts of an older generation are followed.
        daemon.chronicle.alarms.pop("mark-fallen", None)
        daemon.chronicle.happened("generation-forgotten", level="warning", reason=request.reason, who=request.who)
        forgotten = {"domain": topology.home, "forgotten": mark.generation if mark else None}
        return _kept(daemon.journal.record([MarkFallen(topology.home)]), forgotten)

    def reload(self, who: str) -> Deferred[Json]:
        """Read the configuration anew."""
        return reload(self._daemon, who)

    def _remark(self) -> dict[str, str]:
        """What is said of channels that are taken out, where the profile has no way to tell CE at once."""
        profile = self._daemon.profile
        if profile.withholds_gone:
            text = (
                f"it takes effect after the next call of each channel: profile {profile.name} takes a channel "
                "out by keeping back the Gone of its last call"
            )
        elif "set_readiness" not in profile.duties:
            text = f"CE goes on giving calls: {self._cannot_tell()}"
        else:
            return {}
        return {"warning": text}

    def _cannot_tell(self) -> str:
        return f"profile {self._daemon.profile.name} cannot tell CE of readiness (set_readiness is not mapped)"


def _kept(kept: Deferred[None], done: dict[str, Any]) -> Deferred[Json]:
    """What was done counts already; if it could not be put on disk, that is said."""

    def not_on_disk(failure: Failure) -> dict[str, Any]:
        failure.trap(JournalError)
        warning = f"it counts now, but is lost at the next start: the journal cannot be written: {failure.value}"
        return {**done, "warning": warning}

    return kept.addCallbacks(lambda _: done, not_on_disk)
