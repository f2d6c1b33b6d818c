"""What watching 2,000 SIP endpoints costs on one core, and how fast a question is answered over HTTP meanwhile.

    python bench/endpoint_check.py [--endpoints 2000] [--seconds 20] [--json FILE]

Three processes. The endpoints are as many UDP ports of the first; every tenth of them is silent. The second is the part
of the daemon that is measured: it watches them and has the API's TCP door, on one core that the others do not use. The
third is an IVR script that asks 200 times a second over one connection. What is asked for is in the cache, after the
first round of probes. An answer should take less than 10 ms at p99. Ends with status 1 where
an endpoint was judged wrongly.
"""

from __future__ import annotations

import argparse
import http.client
import json
import logging
import os
import random
import resource
import selectors
import socket
import subprocess
import sys
import time
from typing import Any
from urllib.parse import quote

import structlog
from measuring import options
from measuring.report import Column, Report
from measuring.spread import Spread
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from agentchan.api.door import Door
from agentchan.api.guards import Guard
from agentchan.api.routes import Router
from agentchan.ce.tls import TlsSettings
from agentchan.config import EndpointCheck
from agentchan.endpoint_answers import EndpointAnswer
from agentchan.endpoints import EndpointWatch
from agentchan.sip.building import build_prober
from agentchan.sip.outcome import Outcome
from agentchan.sip.prober import Question

SILENT_ONE_IN = 10
INTERVAL = 5.0
ASKED_A_SECOND = 200
TICK = 0.005
"""Seconds between looks at how late the reactor is."""

MOST_AT_P99 = 10.0
"""Milliseconds."""

NET: Any = reactor


# -- the endpoints -----------------------------------------------------------------------------------------------------


def answer(request: bytes) -> bytes:
    """A 200 to an OPTIONS request."""
    lines = request.split(b"\r\n")
    kept = [line for line in lines if line.split(b":")[0] in (b"Via", b"From", b"Call-ID", b"CSeq")]
    to = next(line for line in lines if line.startswith(b"To:"))
    return b"\r\n".join([b"SIP/2.0 200 OK", *kept, to + b";tag=bench", b"Content-Length: 0", b"", b""])


def serve(count: int) -> None:
    """Print the ports, then answer for ever."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    selector = selectors.DefaultSelector()
    ports = []
    for number in range(count):
        opened = socket.socket(type=socket.SOCK_DGRAM)
        opened.bind(("127.0.0.1", 0))
        ports.append(opened.getsockname()[1])
        selector.register(opened, selectors.EVENT_READ, number % SILENT_ONE_IN == 0)
    print(*ports, flush=True)
    while True:
        for key, _ in selector.select():
            there: Any = key.fileobj
            request, peer = there.recvfrom(4096)
            if not key.data:
                there.sendto(answer(request), peer)


# -- the IVR script ----------------------------------------------------------------------------------------------------


def ask() -> None:
    """Read from the input whom to ask about what; ask for so many seconds at an even rate; print what it took."""
    door, seconds, uris = json.loads(sys.stdin.readline())
    connection = http.client.HTTPConnection("127.0.0.1", door)
    connection.connect()
    took, ages = [], []
    due = time.perf_counter()
    for _ in range(int(seconds * ASKED_A_SECOND)):
        due += 1.0 / ASKED_A_SECOND
        time.sleep(max(0.0, due - time.perf_counter()))
        path = f"/v1/endpoint-available?uri={quote(random.choice(uris), safe='')}"  # noqa: S311 - no secrets here
        began = time.perf_counter()
        connection.request("GET", path)
        heard = json.loads(connection.getresponse().read())
        took.append((time.perf_counter() - began) * 1e3)
        ages.append(heard["age_ms"])
    print(json.dumps({"took": took, "ages": ages}), flush=True)


# -- what is measured --------------------------------------------------------------------------------------------------


class Operator:
    """As much of the daemon as the door needs for this question."""

    soap_paths = ()
    feed = None

    def __init__(self, watch: EndpointWatch) -> None:
        self._watch = watch

    def endpoint_available(self, uri: str) -> Any:
        """As the daemon does it."""
        known = self._watch.ask(uri)
        return known.as_json() if isinstance(known, EndpointAnswer) else known.addCallback(EndpointAnswer.as_json)


class Measurement:
    """One run."""

    def __init__(self, ports: list[int], script: subprocess.Popen[str], seconds: float, interval: float) -> None:
        self.script = script
        self.seconds = seconds
        self.interval = interval
        self.prober = build_prober(reactor, TlsSettings.from_files(), random.uniform)
        self.uris = [f"sip:sales@127.0.0.1:{port}" for port in ports]
        settings = EndpointCheck(enabled=True, endpoints=tuple(self.uris), interval=interval)
        self.watch = EndpointWatch(reactor, self.probe, settings, jitter=random.uniform, wall=time.time)
        self.probes = 0
        self.late: list[float] = []

    def probe(self, question: Question, urgent: bool) -> Deferred[Outcome]:
        """Count probes."""
        self.probes += 1
        return self.prober.probe(question, urgent)

    def tick(self, due: float) -> None:
        """How late is the reactor?"""
        now = time.perf_counter()
        self.late.append(max(0.0, now - due) * 1e3)
        NET.callLater(TICK, self.tick, now + TICK)

    def asked(self, door: int) -> Any:
        """In a thread: let the script ask, and wait for what it has to say."""
        assert self.script.stdin is not None
        assert self.script.stdout is not None
        self.script.stdin.write(json.dumps([door, self.seconds, self.uris]) + "\n")
        self.script.stdin.flush()
        return json.loads(self.script.stdout.readline())

    async def run(self) -> dict[str, Any]:
        """Watch, wait until everything is known, then be asked."""
        door = NET.listenTCP(
            0,
            Door(reactor, Operator(self.watch), Router.for_listen(), guard=Guard()),  # type: ignore[arg-type]
            interface="127.0.0.1",
        )
        self.watch.start()
        await task.deferLater(NET, 2 * self.interval + 2.0)
        probes, used, began = self.probes, time.process_time(), time.perf_counter()
        self.tick(began)
        heard = await deferToThread(self.asked, door.getHost().port)
        lasted = time.perf_counter() - began
        share = (time.process_time() - used) / lasted
        rows = list(self.watch.rows())
        silent = len(range(0, len(self.uris), SILENT_ONE_IN))
        judged_rightly = [row.available for row in rows].count(False) == silent and None not in {
            row.available for row in rows
        }
        self.watch.stop()
        self.prober.stop()
        await door.stopListening()
        return {
            "endpoints": len(self.uris),
            "silent": silent,
            "judged_rightly": judged_rightly,
            "interval_s": self.interval,
            "seconds": round(self.seconds, 1),
            "probes_per_s": round((self.probes - probes) / lasted),
            "questions": len(heard["took"]),
            "answer_ms": Spread.of(heard["took"]),
            "answer_age_ms": Spread.of(heard["ages"]),
            "reactor_late_ms": Spread.of(self.late),
            "cpu_share": round(share, 3),
            "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }


def tell(report: Report, found: dict[str, Any]) -> None:
    """For people."""
    report.keep("found", {key: value for key, value in found.items() if not isinstance(value, Spread)})
    rows = [
        {"what": what, "took": found[key]}
        for what, key in (
            ("an answer over HTTP, from the cache", "answer_ms"),
            ("how old it was", "answer_age_ms"),
            ("how late the reactor was", "reactor_late_ms"),
        )
    ]
    report.table(
        f"{found['endpoints']} endpoints, {found['silent']} of them silent, probed every {found['interval_s']:g} s; "
        f"{found['questions']} questions in {found['seconds']:g} s",
        (Column("what"), Column("took", "ms", 2, ("median", "p95", "p99", "most", "count"))),
        rows,
    )
    report.say(
        f"  {found['probes_per_s']} probes a second; {100 * found['cpu_share']:.0f} % of one core; "
        f"{found['memory_mb']} MB"
    )
    report.promise("an answer, p99", found["answer_ms"].p99, MOST_AT_P99, "ms")
    report.check("every endpoint was judged rightly", [] if found["judged_rightly"] else ["some were not"])


# -- the processes -----------------------------------------------------------------------------------------------------

CORES = sorted(os.sched_getaffinity(0))


def started(*arguments: str) -> subprocess.Popen[str]:
    """This program again, for another part, on the cores that are not measured."""
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    os.sched_setaffinity(process.pid, set(CORES[1:]) or set(CORES))
    return process


def measured(given: argparse.Namespace) -> dict[str, Any]:
    """Start the endpoints and the script, and measure on the first core."""
    with started("--serve", "--endpoints", str(given.endpoints)) as server, started("--ask") as script:
        try:
            os.sched_setaffinity(0, {CORES[0]})
            assert server.stdout is not None
            ports = [int(port) for port in server.stdout.readline().split()]
            ended: list[Any] = []

            def begin() -> None:
                running = Deferred.fromCoroutine(Measurement(ports, script, given.seconds, given.interval).run())
                running.addBoth(ended.append)
                running.addBoth(lambda _: NET.stop())

            NET.callWhenRunning(begin)
            NET.run()
        finally:
            server.kill()
            script.kill()
    found = ended[0]
    if not isinstance(found, dict):
        found.raiseException()
    return dict(found)


def main() -> None:
    """Measure, print, judge."""
    parser = options.parser(__doc__ or "")
    parser.add_argument("--endpoints", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--interval", type=float, default=INTERVAL, help="between two probes [default: %(default)s]")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--ask", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.endpoints)
        return
    if given.ask:
        ask()
        return
    if given.smallest:
        given.endpoints, given.seconds, given.interval = 10, 0.5, 1.0
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    title = "watching SIP endpoints on one core, and answering questions meanwhile"
    report = Report("endpoint_check", title, given)
    tell(report, measured(given))
    report.finish()


if __name__ == "__main__":
    main()
