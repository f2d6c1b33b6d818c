"""agentchan.toml: a configuration that can be shown and read again, or faults with their lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from agentchan.config import Configuration, ConfigurationError, as_json, parse, show
from tests.fuzz.target import THREAD, Target, tried

FILE = Path("/etc/agentchan/agentchan.toml")
TOML = (
    *(
        b"[",
        b"]",
        b"[[",
        b"]]",
        b"=",
        b'"',
        b"'",
        b'"""',
        b"'''",
        b"#",
        b"\n",
        b"\r\n",
        b".",
        b",",
        b"{",
        b"}",
        b"\\u0000",
    ),
    *(b"true", b"0x", b"1e999", b"nan", b"1979-05-27", b"[]", b"{}", b'""', b"a.a.a.", b"[" * 200, b"\xff", b"\\"),
)
_PIECES = (
    *TOML,
    *(b'"5m"', b"{001..999}", b"{1..3}", b"*", b"0.0.0.0/0", b"http://", b"sip:", b"tcp://", b"https://[::1]:1/"),
)


def _works(data: bytes) -> Iterator[Callable[[], object]]:
    found: list[object] = []
    yield tried(lambda: found.append(parse(data, FILE, host_name="h")), ConfigurationError)
    for configuration in found:
        yield lambda configuration=configuration: _shown(configuration)  # type: ignore[misc]  # the one of now


def _shown(configuration: Configuration) -> Configuration:
    """What is shown says the same."""
    again = parse(show(configuration).encode(), FILE, host_name="h")
    assert as_json(again) == as_json(configuration)
    return configuration


TARGET = Target("configuration", _works, _PIECES, most=THREAD)
