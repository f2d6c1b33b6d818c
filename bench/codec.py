"""What one message costs: encoding a request and decoding its reply, by the reference profile, without the network.

    python bench/codec.py [--json FILE]

Each figure is the best of several runs, in microseconds of processor time, beside what zeep needs for the same work.
The design wants at most 15 to encode and 42 to decode a small message; the reactor waits for every message of less than
64 KiB. Then what loading the profile costs: time and memory, in a process that has Twisted and lxml already.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import asdict, frozen
from measuring import options
from measuring.report import Column, Report
from zeep import Client

from agentchan.ce.credentials import Authentication
from agentchan.ce.profile import SHIPPED
from agentchan.ce.profile_loader import load_profile
from agentchan.ce.soap import Codec
from agentchan.vocabulary import Heartbeat, NewCall, OpenSession, ReadinessChange, Request, SetReadiness

SPACE = "urn:agentchan:contract:ivr-connector:1"
URL = "http://ce1.example:8095/IVRConnector"
NOW = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
SECONDS_A_RUN = 0.1
RUNS = 5
ENCODE, DECODE = 15.0, 42.0
"""Microseconds that a small message may take (the design's measured traps)."""


@frozen
class Figure:
    """One line: microseconds and bytes."""

    message: str
    encode: float
    request_bytes: int
    decode: float
    reply_bytes: int
    zeep_encode: float
    zeep_decode: float


@frozen
class Work:
    """What is measured: a request and its reply, and the same for zeep."""

    message: str
    request: Request
    reply: bytes
    operation: str
    values: dict[str, Any]


class _NoNetwork:
    """What zeep is given for a transport: it may read the WSDL, and nothing else."""

    def load(self, _url: str) -> bytes:
        return (SHIPPED / "reference" / "ivr_connector.wsdl").read_bytes()


class _Answer:
    """What zeep takes for an answer."""

    def __init__(self, body: bytes) -> None:
        self.status_code = 200
        self.headers = {"Content-Type": "text/xml; charset=utf-8"}
        self.content = body
        self.encoding = "utf-8"


def reply(operation: str, inside: str) -> bytes:
    """A good reply."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<{operation}Response xmlns="{SPACE}">{inside}</{operation}Response></s:Body></s:Envelope>'
    ).encode()


def small() -> Iterator[Work]:
    """The messages that come all the time."""
    beat = reply("Heartbeat", "<Role>Active</Role><Generation>7</Generation>")
    yield Work("heartbeat", Heartbeat("s-1"), beat, "Heartbeat", {"SessionId": "s-1"})
    call = NewCall("7d0c1f7e-2a34-4a51", "ivr1", "ivr1-0001", "call-4711", NOW, "+4930123456", "+4940654321")
    values = {
        "SignalId": call.signal_id,
        "IvrName": call.ivr,
        "Channel": call.channel,
        "CallId": call.call_id,
        "StartedAt": NOW,
        "Caller": call.caller,
        "Called": call.called,
    }
    yield Work("new_call", call, reply("NewCall", "<State>Busy</State><Duplicate>false</Duplicate>"), "NewCall", values)


def large(count: int) -> Iterator[Work]:
    """The messages of a sign-on with so many channels."""
    names = [f"ivr1-{number:04}" for number in range(1, count + 1)]
    reports = "".join(f"<ChannelReport><Channel>{each}</Channel><State>Ready</State></ChannelReport>" for each in names)
    head = "<SessionId>s-1</SessionId><ServerName>ce1</ServerName><Generation>7</Generation>"
    yield Work(
        f"open_session, {count} channels",
        OpenSession("ivr1", "host-a", tuple(names)),
        reply("OpenSession", f"{head}<SessionTimeout>PT5S</SessionTimeout>{reports}"),
        "OpenSession",
        {"IvrName": "ivr1", "InstanceId": "host-a", "Channel": names},
    )
    yield Work(
        f"set_readiness, {count} channels",
        SetReadiness("s-1", tuple(ReadinessChange(each, ready=True) for each in names)),
        reply("SetReadiness", reports),
        "SetReadiness",
        {"SessionId": "s-1", "Change": [{"Channel": each, "Ready": True} for each in names]},
    )


def microseconds(work: Callable[[], object], seconds: float) -> float:
    """How much processor time one call takes at best, in runs of so many seconds."""
    timer = timeit.Timer(work, timer=time.process_time)
    number = max(1, int(seconds / max(timer.timeit(1), 1e-6)))
    return min(timer.repeat(RUNS, number)) / number * 1e6


def figure(codec: Codec, client: Client, work: Work, seconds: float) -> Figure:
    """What one message costs."""
    service = client.service
    binding = service._binding  # noqa: SLF001 - how zeep is a codec without a network
    operation = binding.get(work.operation)
    return Figure(
        message=work.message,
        encode=microseconds(lambda: codec.encode(work.request, URL), seconds),
        request_bytes=len(codec.encode(work.request, URL).body),
        decode=microseconds(lambda: codec.decode(work.request, 200, "text/xml", work.reply), seconds),
        reply_bytes=len(work.reply),
        zeep_encode=microseconds(lambda: client.create_message(service, work.operation, **work.values), seconds),
        zeep_decode=microseconds(lambda: binding.process_reply(client, operation, _Answer(work.reply)), seconds),
    )


def measured(sizes: Sequence[int], seconds: float) -> list[Figure]:
    """Every figure: of the small messages, and of those of a sign-on with so many channels."""
    codec = Codec(
        load_profile("reference"),
        ivr="ivr1",
        instance_id="host-a",
        channel_values={},
        authentication=Authentication(),
    )
    client = Client("file:///ivr_connector.wsdl", transport=_NoNetwork())
    works = [*small(), *(work for size in sizes for work in large(size))]
    return [figure(codec, client, work, seconds) for work in works]


LOADING = """
import json, time
from pathlib import Path
import lxml.etree, twisted.internet.reactor, agentchan.config

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4 / 1024

before, began = resident(), time.perf_counter()
from agentchan.ce.profile_loader import load_profile
imported, read_from = resident(), time.perf_counter()
load_profile("reference")
print(json.dumps({
    "import_ms": (read_from - began) * 1e3,
    "load_ms": (time.perf_counter() - read_from) * 1e3,
    "import_mb": imported - before,
    "load_mb": resident() - imported,
    "resident_mb": resident(),
}))
"""


def loading() -> dict[str, float]:
    """What loading the profile costs a fresh process."""
    done = subprocess.run([sys.executable, "-c", LOADING], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


COLUMNS = (
    Column("message"),
    Column("encode"),
    Column("zeep_encode", "(zeep)"),
    Column("request_bytes", "bytes"),
    Column("decode"),
    Column("zeep_decode", "(zeep)"),
    Column("reply_bytes", "bytes"),
)


def main() -> None:
    """Measure and print."""
    given = options.parser(__doc__ or "").parse_args()
    logging.disable()
    report = Report("codec", "what one message costs, without the network", given)
    figures = measured((3,), 0.001) if given.smallest else measured((500, 5000), SECONDS_A_RUN)
    load = loading()
    title = f"Microseconds of processor, the best of {RUNS} runs"
    report.table(title, COLUMNS, [asdict(figure) for figure in figures])
    for small_one in figures[:2]:
        report.promise(f"to encode a {small_one.message}", small_one.encode, ENCODE, "us")
        report.promise(f"to decode its reply ({small_one.message})", small_one.decode, DECODE, "us")
    report.keep("loading", load)
    report.say(
        f"\n  importing the loader, with zeep: {load['import_ms']:.0f} ms, {load['import_mb']:.1f} MB; loading:"
        f" {load['load_ms']:.0f} ms, {load['load_mb']:.1f} MB; resident then: {load['resident_mb']:.1f} MB"
    )
    report.finish()


if __name__ == "__main__":
    main()
