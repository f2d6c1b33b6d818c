"""From a file to a configuration or to all of its faults."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentchan.config import ConfigurationError, find, load, parse
from agentchan.config.faults import Problem, WrongValueError
from tests.config.texts import FILE, MINIMAL, PRINTED, faults, good, outcome

CE = "profile, domain, active_by, auto_failover_interval, auth"
NAME = "1 to 128 characters without leading, trailing or doubled spaces or control characters"


def test_everything_wrong_is_listed_at_once_in_order() -> None:
    """Each fault has its file, line, key, what is wrong and what is allowed; the lines rise."""
    text = """\
[agent_channel]
heartbeat_intervall = "1s"
heartbeat_misses = true

[ivr]
channels = [
    "a",
    "a",
    7,
]
timeout = "1s"
[ce]
heartbeat_interval = "1s"
frobnicate_entirely = 1
[ce.auth]
password = "geheim"
[[notify]]
events = ["failover"]
webhook = "x"
url = "ftp://h"
[sgnals]
"""
    with pytest.raises(ConfigurationError) as caught:
        parse(text.encode(), FILE)
    assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults]
    assert faults(text) == [
        '2: agent_channel.heartbeat_intervall: is no known key (did you mean "heartbeat_interval"?)',
        "3: agent_channel.heartbeat_misses: is the boolean true (a whole number from 1 to 100)",
        f"5: ivr.name: is missing ({NAME})",
        "8: ivr.channels[1]: names a again, after item [0] (each channel only once)",
        f'9: ivr.channels[2]: is the integer 7 (a name ({NAME}), or a range such as "ivr1-{{001..120}}")',
        '11: ivr.timeout: is no known key (did you mean "ivr.health.timeout"?)',
        '13: ce.heartbeat_interval: is no known key (did you mean "agent_channel.heartbeat_interval"?)',
        f"14: ce.frobnicate_entirely: is no known key (known here: {CE})",
        '16: ce.auth.password: is no known key (did you mean "password_file"?)',
        "19: notify[0].webhook: is no known key (known here: events, command, url, timeout)",
        '20: notify[0].url: is neither http nor https (an http or https URL such as "https://ce1.example.com:8094/Service")',
        '21: sgnals: is no known key (did you mean "signals"?)',
    ]


HOSTILE = {
    "the same range again": "[ivr]\nchannels = [" + '"a{1..100000}",' * 1000 + "]",
    "a long name, often": '[ivr]\nchannels = ["' + "x" * 100_000 + '{1..10000}"]',
    "many items": "[ivr]\nchannels = [" + "1," * 300_000 + "]",
    "unknown keys": "[log]\n" + "".join(f"k{number} = 1\n" for number in range(60_000)),
    "unknown tables": "".join(f"[t{number}]\n" for number in range(80_000)),
    "a key of many parts": ".".join("a" * 100_000) + " = 1",
    "a table of many parts": "[" + " . ".join(["'a'"] * 100_000) + "]",
    "patterns": MINIMAL.replace("{001..003}", "{1..100000}") + '[ivr.channel_values]\n"*a*b*" = {}\n'
    + "".join(f'"b*{number}" = {{}}\n' for number in range(11_000)),
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_file_costs_more_than_it_should(text: str) -> None:
    """Files that would cost minutes or gigabytes are refused for it; what is said about them is bounded."""
    assert 1 <= len(faults(text)) <= 1001


def test_of_very_many_faults_the_first_are_named() -> None:
    """Beyond a thousand only their number is told."""
    found = faults("[log]\n" + "".join(f"k{number} = 1\n" for number in range(1500)))
    assert found[0].startswith("1: ivr.name: is missing")
    assert found[-1] == "0: file: has 502 more faults (mend these first)"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b'[ivr]\nname = "a\n', "2: TOML: Illegal character '\\n'"),
        (b"[ivr]\nname = 'a'\nname = 'b'\n", "3: TOML: Cannot overwrite a value"),
        (b"[ivr]\nx = [\n1,\n", "3: TOML: Invalid value"),
        (b"x = " + b"[" * 100_000, "0: TOML: is nested too deeply"),
        (b"x = " + b"9" * 5000, "0: TOML: Exceeds the limit"),
        (b"[ivr]\nname = '\xff'", "2: file: byte 14 is not UTF-8"),
        (b"#" * 1024 * 1024 + b"\n", "0: file: has more than 1 MiB"),
    ],
)
def test_what_is_no_toml_is_a_fault(data: bytes, fault: str) -> None:
    """Broken TOML, foreign bytes, depth and size are answered with a fault and its line where there is one."""
    (found,) = faults(data)
    assert found.startswith(fault)


def test_a_byte_order_mark_is_no_fault() -> None:
    """A file that some editor has marked as UTF-8 reads as without the mark."""
    assert good("\ufeff" + MINIMAL) == good(MINIMAL)


def test_a_file_is_loaded(tmp_path: Path) -> None:
    """The file's configuration remembers where it came from, which keys were given, and who this host is."""
    path = tmp_path / "agentchan.toml"
    path.write_text(MINIMAL)
    configuration = load(path)
    assert configuration.path == path
    assert configuration.given == {("ivr", "name"), ("ivr", "channels"), ("component_link", "urls")}
    assert configuration.ivr.channels == ("ivr1-001", "ivr1-002", "ivr1-003")
    assert configuration.ivr.instance_id == socket.gethostname()
    assert configuration.ivr.health is None
    assert load(path, environment=False, host_name="b").ivr.instance_id == "b"


def test_the_printed_values_are_the_defaults() -> None:
    """Given with their defaults, the timings are as if they had been left out."""
    printed, minimal = good(PRINTED), good(MINIMAL)
    for section in ("agent_channel", "signals", "calls", "endpoint_check", "journal", "log"):
        assert getattr(printed, section) == getattr(minimal, section)


def test_a_host_name_that_will_not_do_is_a_fault() -> None:
    """Where the host name is no identifier, instance_id is asked for."""
    with pytest.raises(ConfigurationError, match=r"agentchan.toml:1: ivr.instance_id: is empty"):
        parse(MINIMAL.encode(), FILE, host_name="")


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    """Missing, a directory, a pipe, too large, below a file: each is named, and nothing hangs."""
    pipe, large, plain = tmp_path / "pipe", tmp_path / "large", tmp_path / "plain"
    os.mkfifo(pipe)
    large.write_bytes(b"#" * (1024 * 1024 + 1))
    plain.touch()
    for path, wrong in (
        (tmp_path / "missing", "does not exist"),
        (tmp_path, "is a directory"),
        (pipe, "is not a regular file"),
        (large, "has more than 1048576 bytes"),
        (plain / "below", "cannot be read: Not a directory"),
        (Path("a\0b"), "has a name that no file can have"),
        (Path("/proc/self/mem"), "cannot be read: Input/output error"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            load(path)
        (fault,) = caught.value.faults
        assert str(fault).startswith(f"{path}:0: file: {wrong} (")


def test_the_option_goes_before_the_variable_before_the_usual_place() -> None:
    """``--config``, else ``AGENTCHAN_CONFIG``, else /etc; what is empty counts as not given."""
    assert find("a.toml", {"AGENTCHAN_CONFIG": "b.toml"}) == Path("a.toml")
    assert find(None, {"AGENTCHAN_CONFIG": "b.toml"}) == Path("b.toml")
    assert find("", {"AGENTCHAN_CONFIG": ""}) == FILE


def test_a_wrong_value_says_what_is_wrong() -> None:
    """The error within has a text too."""
    assert str(WrongValueError([Problem((), "is bad", "good")])) == "is bad (good)"


WORDS = st.sampled_from(
    [
        *re.findall(r'"[^"]*"|[A-Za-z0-9_-]+|.', PRINTED, re.DOTALL),
        "'''",
        '"""',
        "\\",
        "\r\n",
        "\x00",
        "é",
        "[[",
        "1e999",
    ]
)


@given(st.one_of(st.binary(max_size=200), st.lists(WORDS, max_size=80).map("".join).map(str.encode)))
@example(b"\xef\xbb\xbf")
@example(b"ivr = 1979-05-27")
@example(b"a = 0x" + b"f" * 5000)
def test_only_a_configuration_error_comes_out(data: bytes) -> None:
    """Whatever the file has in it, it is a configuration or a list of faults of one line each."""
    found = outcome(data)
    assert found != ()
    assert all(re.fullmatch(r"[^\n]+:\d+: [^\n]+: [^\n]+ \([^\n]+\)", str(fault)) for fault in found or ())


VALUES = st.sampled_from(
    ["1", "-1", "0.5", "true", '""', '"x"', '"5s"', '"http://h/"', "[]", '["x"]', "[[1]]", "{}", "{a = 1}", "07:32:00"]
)
LINES = PRINTED.splitlines()


@given(st.dictionaries(st.integers(0, len(LINES) - 1), VALUES, min_size=1, max_size=6))
def test_any_value_in_any_key_is_taken_or_named(swaps: dict[int, str]) -> None:
    """With values swapped for others, every fault stands on a line that was swapped, or the whole is taken."""
    lines = list(LINES)
    for number, value in swaps.items():
        if "=" in lines[number]:
            lines[number] = lines[number].split("=")[0] + "= " + value
    found = outcome("\n".join(lines).encode())
    assert all(fault.wrong and fault.allowed for fault in found or ())
    assert found is None or any(fault.line - 1 in swaps for fault in found)
