"""Carries out checks, all at once, each within a time of its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

import structlog
from attrs import frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.python.failure import Failure

from agentchan.ce.deadline import within
from agentchan.doctor.findings import Finding, Group, failed

log = structlog.get_logger("agentchan.doctor")

Findings = Sequence[Finding]


@frozen
class Check:
    """One check, not begun yet.

    Attributes:
        check: what is looked at, if it comes to nothing.
        deadline: seconds.
    """

    group: Group
    check: str
    deadline: float
    run: Callable[[], Coroutine[Deferred[Any], Any, Findings]]


class _OverdueError(Exception):
    """A check's time is over."""


def perform(reactor: Any, checks: Iterable[Check]) -> Deferred[list[Finding]]:
    """Carry out checks, all at once.

    Returns:
        A Deferred of their findings, in the order of the checks; it never fails: a check that does is a finding.
    """
    every = [_perform(reactor, check) for check in checks]
    gathered: Deferred[list[Findings]] = gatherResults(every)
    return gathered.addCallback(lambda several: [finding for findings in several for finding in findings])


def _perform(reactor: Any, check: Check) -> Deferred[Findings]:
    running = Deferred.fromCoroutine(check.run())
    return within(reactor, check.deadline, running, _OverdueError).addErrback(_finding, check)


def _finding(failure: Failure, check: Check) -> Findings:
    if failure.check(_OverdueError):
        text = f"did not end within {check.deadline:g} s"
        return [failed(check.group, check.check, text, "see whether the machine is too busy, and try again")]
    log.error("check-broken", check=check.check, exc_info=failure.value)
    text = f"could not be carried out: {failure.getErrorMessage()}"
    return [failed(check.group, check.check, text, "this is a fault of agentchan's own; please report it")]
