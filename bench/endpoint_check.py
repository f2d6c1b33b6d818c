"""What watching 2,000 SIP endpoints costs, and how fast a question is answered meanwhile.

    python bench/endpoint_check.py [SECONDS]

The endpoints are as many UDP ports of another process; every tenth of them is silent. Prints how long ``ask`` takes for
a known endpoint, how late the reactor's timers run (what an HTTP request would wait besides), and the processor time.
Both processes have one processor each.
"""

from __future__ import annotations

import logging
import os
import random
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import time
from typing import Any

import structlog
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred

from agentchan.ce.tls import TlsSettings
from agentchan.config import EndpointCheck
from agentchan.endpoint_answers import EndpointAnswer
from agentchan.endpoints import EndpointWatch
from agentchan.sip.building import build_prober

ENDPOINTS = 2000
SILENT_ONE_IN = 10
INTERVAL = 5.0
ASKED_A_SECOND = 200


def raise_limit() -> None:
    """Allow as many sockets as the system lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def answer(request: bytes) -> bytes:
    """A 200 to an OPTIONS request."""
    kept = [line for line in request.split(b"\r\n") if line.split(b":")[0] in (b"Via", b"From", b"Call-ID", b"CSeq")]
    to = next(line for line in request.split(b"\r\n") if line.startswith(b"To:"))
    return b"\r\n".join([b"SIP/2.0 200 OK", *kept, to + b";tag=bench", b"Content-Length: 0", b"", b""])


def serve() -> None:
    """The endpoints: print their ports, then answer for ever."""
    raise_limit()
    selector = selectors.DefaultSelector()
    ports = []
    for _ in range(ENDPOINTS):
        opened = socket.socket(type=socket.SOCK_DGRAM)
        opened.bind(("127.0.0.1", 0))
        ports.append(opened.getsockname()[1])
        selector.register(opened, selectors.EVENT_READ, len(ports) % SILENT_ONE_IN == 0)
    print(*ports, flush=True)
    while True:
        for key, _ in selector.select():
            there: Any = key.fileobj
            request, peer = there.recvfrom(4096)
            if not key.data:
                there.sendto(answer(request), peer)


class Measurement:
    """Asks at an even rate, and watches the clock."""

    def __init__(self, watch: EndpointWatch, uris: list[str]) -> None:
        self.watch = watch
        self.uris = uris
        self.asked: list[float] = []
        self.late: list[float] = []
        self.answers: list[EndpointAnswer] = []
        self.due = 0.0

    def ask(self) -> None:
        """One question about some endpoint."""
        now = time.perf_counter()
        if self.due:
            self.late.append(max(0.0, now - self.due))
        self.due = now + 1.0 / ASKED_A_SECOND
        known = self.watch.ask(random.choice(self.uris))
        self.asked.append(time.perf_counter() - now)
        assert isinstance(known, EndpointAnswer)
        self.answers.append(known)
        reactor.callLater(1.0 / ASKED_A_SECOND, self.ask)  # type: ignore[attr-defined]


def tell(name: str, seconds: list[float]) -> None:
    """Median, 99th percentile and worst, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    print(
        f"{name:34} median {cuts[49] * 1e3:7.3f} ms   p99 {cuts[98] * 1e3:7.3f} ms   worst {max(seconds) * 1e3:7.3f} ms"
    )


async def measure(ports: list[int], seconds: float) -> None:
    """Watch, wait until everything is known, then ask for so many seconds."""
    prober = build_prober(reactor, TlsSettings.from_files(), random.uniform)
    uris = [f"sip:sales@127.0.0.1:{port}" for port in ports]
    settings = EndpointCheck(enabled=True, endpoints=tuple(uris), interval=INTERVAL)
    probes = 0

    def probe(question: Any, urgent: bool) -> Deferred[Any]:
        nonlocal probes
        probes += 1
        return prober.probe(question, urgent=urgent)

    watch = EndpointWatch(reactor, probe, settings, jitter=random.uniform, wall=time.time)
    watch.start()
    await task.deferLater(reactor, 2 * INTERVAL + 2.0)  # type: ignore[arg-type]
    measurement = Measurement(watch, uris)
    began, before, first = time.perf_counter(), time.process_time(), probes
    measurement.ask()
    await task.deferLater(reactor, seconds)  # type: ignore[arg-type]
    took = time.perf_counter() - began
    used = time.process_time() - before
    rows = list(watch.rows())
    print(
        f"{ENDPOINTS} endpoints, {INTERVAL:g} s interval, {took:.0f} s, {(probes - first) / took:.0f} probes a second"
    )
    tell("ask(), from the cache", measurement.asked)
    tell("a timer's lateness", measurement.late)
    tell("age of the answers", [known.age or 0.0 for known in measurement.answers])
    print(f"{'processor':34} {100 * used / took:.0f} % of one")
    up, down = (sum(row.available is state for row in rows) for state in (True, False))
    print(f"{'available, not available':34} {up}, {down}")
    watch.stop()
    prober.stop()
    reactor.stop()  # type: ignore[attr-defined]
    p99 = statistics.quantiles([a + b for a, b in zip(measurement.asked, measurement.late, strict=False)], n=100)[98]
    assert (up, down) == (ENDPOINTS - ENDPOINTS // SILENT_ONE_IN, ENDPOINTS // SILENT_ONE_IN), (up, down)
    assert p99 < 0.010, f"an answer and its wait took {p99 * 1e3:.1f} ms at p99"


def main() -> None:
    """Both processes."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    processors = sorted(os.sched_getaffinity(0))
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    with subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True) as server:
        try:
            os.sched_setaffinity(server.pid, {processors[-1]})
            os.sched_setaffinity(0, {processors[0]})
            assert server.stdout is not None
            ports = [int(port) for port in server.stdout.readline().split()]
            failed: list[BaseException] = []

            def begin() -> None:
                running = Deferred.fromCoroutine(measure(ports, seconds))
                running.addErrback(lambda failure: (failed.append(failure.value), reactor.stop()))  # type: ignore[attr-defined]

            reactor.callWhenRunning(begin)  # type: ignore[attr-defined]
            reactor.run()  # type: ignore[attr-defined]
        finally:
            server.kill()
    if failed:
        raise failed[0]


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        main()
