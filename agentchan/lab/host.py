"""One CE Core Host of the lab as a program: ``python -m agentchan.lab.host``."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import click
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.python.failure import Failure
from zope.interface import implementer

from agentchan.lab.control import Control
from agentchan.lab.core_host import CoreHost, Settings
from agentchan.lab.http_wire import HttpServer
from agentchan.lab.names import expand

FILE = click.Path(path_type=Path, dir_okay=False)
SECONDS = click.FloatRange(min=0)
PORT = click.IntRange(0, 65535)


@implementer(IReadDescriptor)
class EndOfInput:
    """Ends the process when standard input is closed.

    Its writing end is held by the parent alone, so no host outlives the test, the demo or the benchmark that started
    it, however that ended.
    """

    def fileno(self) -> int:
        """Standard input."""
        return sys.stdin.fileno()

    def doRead(self) -> None:  # noqa: N802 - Twisted names it
        """Nothing is ever said there, so what can be read is its end."""
        os._exit(0)

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802 - Twisted names it
        """Its end, as some reactors tell it."""
        del reason
        os._exit(0)

    def logPrefix(self) -> str:  # noqa: N802 - Twisted names it
        """The name in logs."""
        return "standard input"


def _ivrs(_context: click.Context, _parameter: click.Parameter, path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        ivrs = {str(ivr): tuple(patterns) for ivr, patterns in json.loads(path.read_bytes()).items()}
        for patterns in ivrs.values():
            expand(patterns)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise click.BadParameter(f"{path}: {error}") from None
    return ivrs


@click.command(context_settings={"show_default": True})
@click.option("--name", required=True, help="The host's name in CE, such as ce1.")
@click.option("--database", required=True, type=FILE, help="The domain's database, shared by both hosts.")
@click.option("--rank", type=click.Choice(["Primary", "Secondary"]), default="Primary")
@click.option("--domain", default="lab", help="The domain's name, used by the first host of a new database.")
@click.option("--address", default="127.0.0.1", help="The address that both services listen on.")
@click.option("--url-host", default="127.0.0.1", help="The host name or address in the URLs told to callers.")
@click.option("--component-port", type=PORT, default=0, help="Component Service; 0: the kernel chooses.")
@click.option("--connector-port", type=PORT, default=0, help="IVR Connector; 0: the kernel chooses.")
@click.option("--control-port", type=PORT, default=0, help="The lab's own controls, on loopback only.")
@click.option("--certificate", type=FILE, help="PEM; with it both services are https.")
@click.option("--key", type=FILE, help="PEM, the certificate's key.")
@click.option("--client-ca", type=FILE, help="PEM; with it callers need a certificate of this authority.")
@click.option(
    "--session-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    help="Seconds of silence after which a session ends.",
)
@click.option(
    "--auto-failover-interval",
    type=SECONDS,
    help="Seconds after the active host's death when this one takes over; 0: at once; without it: never by itself.",
)
@click.option("--failing-over-time", type=SECONDS, default=0.0, help="Seconds that it then shows FailingOver.")
@click.option("--starting-time", type=SECONDS, default=0.0, help="Seconds of Starting after the start.")
@click.option("--stopping-time", type=SECONDS, default=0.0, help="Seconds of Stopping before the end (SIGTERM).")
@click.option(
    "--heartbeat-after-role-change",
    type=click.Choice(["not-active", "unknown-session", "reply"]),
    default="not-active",
    help="What a Heartbeat of a session that a change of role ended is answered; the contract allows each.",
)
@click.option(
    "--wrapup-after",
    type=SECONDS,
    help="Seconds after its NewCall when each caller leaves (Wrapup); else only by order.",
)
@click.option(
    "--ivrs-file",
    "ivrs",
    type=FILE,
    callback=_ivrs,
    help='JSON, {"ivr1": ["ivr1-{001..500}"]}: the known IVRs and their channels; else, or empty, any name is known.',
)
@click.option("--end-with-stdin", is_flag=True, help="End when standard input is closed: when the parent has gone.")
@click.option("--request-log", type=FILE, help="Append every request, with its time, to this file as JSON lines.")
def main(*, control_port: int, end_with_stdin: bool, **options: Any) -> None:
    """Run one CE Core Host of the reference contract until SIGTERM.

    When it serves, it prints one line of JSON with its URLs to standard output; trouble goes to standard error.
    """
    if (options["certificate"] is None) != (options["key"] is None):
        raise click.UsageError("--certificate and --key go together")
    # The reactor is installed by its import, so not before the options are known to be good.
    from twisted.internet import reactor as installed  # noqa: PLC0415

    reactor: Any = installed
    reactor.seconds = time.monotonic  # Twisted's own choice is the time of day, which may jump
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    host = CoreHost(reactor, Settings(**options))
    control = HttpServer("control", host.settings.name, Control(host).handle, reactor.seconds, lambda *_: None)
    try:
        control_at = reactor.listenTCP(control_port, control, interface="127.0.0.1").getHost()
        urls = {**host.start(), "control": f"http://127.0.0.1:{control_at.port}"}
    except CannotListenError as error:
        raise click.ClickException(f"{error}; give another port, or 0") from None
    reactor.addSystemEventTrigger("before", "shutdown", host.stop)
    reactor.addSystemEventTrigger("after", "shutdown", host.close)

    def stop(*_: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the second one ends it at once
        reactor.callFromThread(lambda: reactor.callLater(host.begin_stopping(), reactor.stop))

    reactor.callWhenRunning(signal.signal, signal.SIGTERM, stop)
    if end_with_stdin:
        end_of_input = EndOfInput()
        reactor.addReader(end_of_input)
        reactor.addSystemEventTrigger("before", "shutdown", reactor.removeReader, end_of_input)
    reactor.callWhenRunning(lambda: print(json.dumps(urls), flush=True))  # noqa: T201 - what it promises
    reactor.run()


if __name__ == "__main__":
    main()
