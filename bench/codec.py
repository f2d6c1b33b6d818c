"""What one message costs: encoding a request and decoding its reply, by the reference profile, without the network.

    python bench/codec.py [--json]

Each figure is the best of several runs, in microseconds, beside what zeep needs for the same work. design.md wants
1–15 µs to encode and 16–42 µs to decode a small message; big ones may take 10 ms at most, for the reactor waits.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import timeit
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from attrs import asdict, frozen

from agentchan.ce.credentials import Authentication
from agentchan.ce.profile_loader import load_profile
from agentchan.ce.profile import SHIPPED
from agentchan.ce.soap import Codec
from agentchan.vocabulary import Heartbeat, NewCall, OpenSession, ReadinessChange, Request, SetReadiness

SPACE = "urn:agentchan:contract:ivr-connector:1"
URL = "http://ce1.example:8095/IVRConnector"
NOW = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
SECONDS_A_RUN = 0.1
RUNS = 5


@frozen
class Figure:
    """One line: microseconds and bytes."""

    message: str
    encode: float
    request_bytes: int
    decode: float
    reply_bytes: int
    zeep_encode: float | None
    zeep_decode: float | None


class _NoNetwork:
    """What zeep is given for a transport: it may read the WSDL, and nothing else."""

    def load(self, url: str) -> bytes:
        return (SHIPPED / "reference" / "ivr_connector.wsdl").read_bytes()


class _Answer:
    """What zeep takes for an answer."""

    def __init__(self, body: bytes) -> None:
        self.status_code = 200
        self.headers = {"Content-Type": "text/xml; charset=utf-8"}
        self.content = body
        self.encoding = "utf-8"


def channels(count: int) -> tuple[str, ...]:
    """Names as a configuration has them."""
    return tuple(f"ivr1-{number:04}" for number in range(1, count + 1))


def reply(operation: str, inside: str) -> bytes:
    """A good reply."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<{operation}Response xmlns="{SPACE}">{inside}</{operation}Response></s:Body></s:Envelope>'
    ).encode()


def reports(count: int) -> str:
    """As many channels, all ready."""
    return "".join(
        f"<ChannelReport><Channel>{each}</Channel><State>Ready</State></ChannelReport>" for each in channels(count)
    )


def opened(count: int) -> bytes:
    """The reply to OpenSession."""
    head = "<SessionId>s-1</SessionId><ServerName>ce1</ServerName><Generation>7</Generation>"
    return reply("OpenSession", f"{head}<SessionTimeout>PT5S</SessionTimeout>{reports(count)}")


def work(count: int) -> Iterator[tuple[str, Request, bytes, str, dict[str, Any]]]:
    """What is measured: a name, the request, its reply, and the same for zeep."""
    names = channels(count)
    call = NewCall("7d0c1f7e-2a34-4a51", "ivr1", "ivr1-0001", "call-4711", NOW, "+4930123456", "+4940654321")
    yield (
        "heartbeat",
        Heartbeat("s-1"),
        reply("Heartbeat", "<Role>Active</Role><Generation>7</Generation>"),
        "Heartbeat",
        {"SessionId": "s-1"},
    )
    yield (
        "new_call",
        call,
        reply("NewCall", "<State>Busy</State><Duplicate>false</Duplicate>"),
        "NewCall",
        {
            "SignalId": call.signal_id,
            "IvrName": call.ivr,
            "Channel": call.channel,
            "CallId": call.call_id,
            "StartedAt": NOW,
            "Caller": call.caller,
            "Called": call.called,
        },
    )
    yield (
        f"open_session, {count} channels",
        OpenSession("ivr1", "host-a", names),
        opened(count),
        "OpenSession",
        {"IvrName": "ivr1", "InstanceId": "host-a", "Channel": list(names)},
    )
    yield (
        f"set_readiness, {count} channels",
        SetReadiness("s-1", tuple(ReadinessChange(each, ready=True) for each in names)),
        reply("SetReadiness", reports(count)),
        "SetReadiness",
        {"SessionId": "s-1", "Change": [{"Channel": each, "Ready": True} for each in names]},
    )


def microseconds(work: Callable[[], object]) -> float:
    """How long one call takes at best."""
    timer = timeit.Timer(work)
    number = max(1, int(SECONDS_A_RUN / max(timer.timeit(1), 1e-6)))
    return min(timer.repeat(RUNS, number)) / number * 1e6


def measured() -> list[Figure]:
    """Every figure."""
    codec = Codec(
        load_profile("reference"),
        ivr="ivr1",
        instance_id="host-a",
        channel_values={},
        authentication=Authentication(),
    )
    service, client = peer()
    figures = []
    for count in (500, 5000):
        for name, request, body, operation, values in work(count):
            if count > 500 and "," not in name:
                continue
            figures.append(
                Figure(
                    message=name,
                    encode=microseconds(lambda: codec.encode(request, URL)),
                    request_bytes=len(codec.encode(request, URL).body),
                    decode=microseconds(lambda: codec.decode(request, 200, "text/xml", body)),
                    reply_bytes=len(body),
                    zeep_encode=microseconds(lambda: client.create_message(service, operation, **values)),
                    zeep_decode=microseconds(
                        lambda: service._binding.process_reply(  # noqa: SLF001 - how zeep is a codec without a network
                            client, service._binding.get(operation), _Answer(body)  # noqa: SLF001
                        )
                    ),
                )
            )
    return figures


def peer() -> tuple[Any, Any]:
    """zeep's service and client."""
    from zeep import Client  # noqa: PLC0415 - after the profile, whose cost in memory is measured

    client = Client("file:///ivr_connector.wsdl", transport=_NoNetwork())
    return client.service, client


def memory() -> int:
    """The most memory that this process has had, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Measure and print."""
    logging.disable()
    figures = measured()
    if "--json" in sys.argv[1:]:
        print(json.dumps([asdict(figure) for figure in figures], indent=1))
        return
    print(f"{'':34} {'encode':>10} {'(zeep)':>10} {'bytes':>8} {'decode':>10} {'(zeep)':>10} {'bytes':>8}")
    for each in figures:
        print(
            f"{each.message:34} {each.encode:10.1f} {each.zeep_encode or 0:10.1f} {each.request_bytes:8} "
            f"{each.decode:10.1f} {each.zeep_decode or 0:10.1f} {each.reply_bytes:8}"
        )


if __name__ == "__main__":
    main()
