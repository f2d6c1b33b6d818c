"""``agentchan drain`` and ``agentchan resume``."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import click

from agentchan.cli.daemon import Daemon
from agentchan.cli.failures import ExitStatus, Failure
from agentchan.cli.options import DURATION, done, json_option, reason_option, with_daemon
from agentchan.cli.words import count, span

_LOOK = 1.0
"""Seconds between two looks at the calls that are left."""

_RESUME = ("end the drain:  agentchan resume", "see the calls:  agentchan calls")


@click.command()
@click.option("--timeout", type=DURATION, help="Fail after so long if calls are left; the drain itself goes on.")
@reason_option
@click.option("--no-wait", is_flag=True, help="Do not wait for the calls in progress.")
@json_option
@with_daemon
def drain(daemon: Daemon, *, timeout: str | None, reason: str | None, no_wait: bool, as_json: bool) -> None:
    """Take the IVR out of service without cutting a call.

    Every channel becomes not ready; calls in progress end in their own time, and are waited for. It survives restarts
    and failovers, until 'agentchan resume'. Ctrl-C ends the waiting, not the drain.

    Ends with 0 when no call is left, with 1 when calls are left at the end of --timeout or of the waiting.

    \b
    Examples:
      agentchan drain --reason 'kernel update' --timeout 15m && systemctl reboot
      agentchan drain --no-wait
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    body = {name: value for name, value in (("timeout", timeout), ("reason", reason)) if value}
    answer = daemon.post("/v1/drain", body)
    if no_wait:
        calls = count(answer.get("calls", 0), "call")
        done(answer, f"Draining; {calls} in progress. 'agentchan resume' ends it.", as_json=as_json)
        return
    seconds = None
    if timeout is not None:
        from agentchan.config.durations import parse_duration  # noqa: PLC0415  costs 50 ms that only this needs

        seconds = parse_duration(timeout)
    _wait(daemon, answer, seconds, as_json)


def _wait(daemon: Daemon, answer: Mapping[str, Any], seconds: float | None, as_json: bool) -> None:
    """Wait until no call is left."""
    began = time.monotonic()
    progress = _Progress(quiet=as_json)
    calls = answer.get("calls", 0)
    try:
        while calls:
            waited = time.monotonic() - began
            if seconds is not None and waited >= seconds:
                progress.over()
                raise Failure("calls-left", f"{count(calls, 'call')} left after {span(waited)}", remedies=_RESUME)
            progress.show(calls, waited)
            time.sleep(_LOOK if seconds is None else min(_LOOK, max(0.0, seconds - waited)))
            status = daemon.get("/v1/status")
            if not status.get("draining"):
                progress.over()
                raise Failure("resumed", "the drain was ended by 'agentchan resume'", remedies=("agentchan events",))
            calls = (status.get("drain") or {}).get("calls", 0)
    except KeyboardInterrupt:
        progress.over()
        text = f"{count(calls, 'call')} left; the drain goes on"
        raise Failure("interrupted", text, ExitStatus.NO, _RESUME) from None
    progress.over()
    done({**answer, "calls": 0}, "Drained: no call is left. 'agentchan resume' ends it.", as_json=as_json)


def _on_terminal() -> bool:
    return sys.stderr.isatty()


class _Progress:
    """How many calls are left: on a terminal always on the same line, else a line per change."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = _on_terminal()
        self._shown: int | None = None

    def show(self, calls: int, waited: float) -> None:
        if self._quiet:
            return
        text = f"draining: {count(calls, 'call')} left"
        if self._terminal:
            click.echo(f"\r\x1b[K{text}, {span(waited)}", nl=False, err=True, color=True)
        elif calls != self._shown:
            click.echo(text, err=True)
        self._shown = calls

    def over(self) -> None:
        if self._terminal and self._shown is not None:
            click.echo("\r\x1b[K", nl=False, err=True, color=True)
        self._shown = None


@click.command()
@json_option
@with_daemon
def resume(daemon: Daemon, *, as_json: bool) -> None:
    """End a drain: channels become ready again, as far as nothing else keeps them back.

    \b
    Example:
      agentchan resume
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    answer = daemon.post("/v1/resume")
    done(answer, "Back in service." if answer.get("was_draining") else "It was not draining.", as_json=as_json)
