"""Waits for calls in progress before the daemon ends, as long as it is allowed to."""

from __future__ import annotations

import structlog
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from agentchan.parts import Parts

log = structlog.get_logger("agentchan.daemon")

LOOK_EVERY = 0.2
"""Seconds between two looks at the calls."""

MORE_TIME = 15.0
"""Seconds that systemd is asked for beyond the end of the wait: to sign off, flush and close."""


async def drained(daemon: Parts, patience: float, hurry: Deferred[None]) -> None:
    """Return when no call is in progress, so many seconds are over, or somebody is in a hurry.

    Signals that wait for CE are given the time of a reply to get there, if a host is active; they are on disk anyway.
    """
    reactor = daemon.reactor
    until = reactor.seconds() + patience
    told = 0.0
    while len(daemon.calls) and reactor.seconds() < until and not hurry.called:
        if reactor.seconds() >= told:
            told = reactor.seconds() + MORE_TIME / 3
            daemon.notifier.extend_timeout(MORE_TIME)
            daemon.notifier.status(f"draining, {len(daemon.calls)} calls in progress")
        await deferLater(reactor, LOOK_EVERY)
    if patience:
        log.info("drained", calls_left=len(daemon.calls))
    until = reactor.seconds() + daemon.configuration.signals.reply_timeout
    lanes = daemon.delivering.lanes
    while lanes is not None and lanes.url and daemon.delivering.sendable and reactor.seconds() < until:
        if hurry.called:
            return
        await deferLater(reactor, LOOK_EVERY / 10)
