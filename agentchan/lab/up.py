"""``agentchan lab up``: a lab in the foreground, until it is told to end."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agentchan.lab.hosts import HOSTS
from agentchan.lab.lab import Lab, Settings, channels_pattern
from agentchan.lab.remote import serve, taking_orders

Say = Callable[[str], None]


class Ended(Exception):  # noqa: N818 - no error
    """Somebody has told this program to end."""


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside, SIGINT, SIGTERM and SIGHUP raise Ended; the second one ends the program, and what it started, at once."""

    def end(*_: Any) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise Ended

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        for each in before:
            signal.signal(each, end)
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def up(settings: Settings, say: Say) -> None:
    """Run a lab until a signal ends it; ``say`` prints a line.

    Raises:
        LabError: something did not start, or the daemon ended by itself.
    """
    try:
        with ended_by_signals():
            say("starting …")
            with Lab.of(settings) as lab, taking_orders(lab) as orders:
                for line in description(lab):
                    say(line)
                try:
                    serve(lab, orders)
                finally:
                    say("ending …")
    except Ended:
        return


def typed() -> str:
    """What one types to run this program: its name where a shell finds it, otherwise where it is."""
    script = Path(sys.argv[0])
    if script.name != "agentchan" or shutil.which(script.name) is not None:
        return "agentchan"
    return str(script)


def description(lab: Lab) -> Iterator[str]:
    """What runs where, and what to type next."""
    active = lab.pair.active()
    for name in lab.pair.processes:
        role = "active" if name == active else "standby"
        yield f"{name}, {HOSTS[name].lower()}, {role}"
        yield f"  Component Service  {lab.pair.url(name, 'component')}"
        yield f"  IVR Connector      {lab.pair.url(name, 'connector')}"
    yield ""
    yield f"{'channels':<21}{channels_pattern(lab.settings.channels)}"
    yield f"{'files':<21}{lab.directory}"
    program = typed()
    directory = "" if lab.settings.directory is None else f" --directory {lab.directory}"
    if lab.daemon is not None:
        yield f"{'daemon':<21}process {lab.daemon.pid}, for IVR scripts http://{lab.daemon.listen}"
        yield f"{'its socket':<21}{lab.daemon.socket}"
    yield ""
    yield "Type in another terminal:"
    if lab.daemon is not None:
        yield f"  {program} --socket {lab.daemon.socket} status --watch"
    yield f"  {program} lab switch{directory}"
    yield f"  {program} lab kill ce1{directory}"
    yield f"  {program} lab start ce1{directory}"
    yield f"  {program} lab history --follow{directory}"
    yield f"  {program} lab --help{' ' * 24}all that can be done to it"
    yield ""
    yield "Ctrl-C ends it all."
