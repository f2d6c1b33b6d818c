"""What must agree between keys."""

from __future__ import annotations

import pytest

from tests.config.texts import MINIMAL, PRINTED, faults, good

ANSWERS = MINIMAL.split("[component_link]", maxsplit=1)[0] + '[ce]\nactive_by = "connector-answers"\n'
BASIC = '[ce.auth]\nmethod = "basic"\nusername = "a"\npassword_file = "/p"\n'
WORLD = '[api]\nlisten = "0.0.0.0:8093"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[ivr]\nname = "i"\nchannels = []\n', ["1: component_link.urls: is missing"]),
        ('[component_link]\n[ivr]\nname = "i"\nchannels = []\n', ["1: component_link.urls: is missing"]),
        (ANSWERS, ["1: agent_channel.connector_urls: is missing"]),
        (ANSWERS.replace('["ivr1-{001..003}"]', "[]"), ["1: component_link.urls: is missing (ivr.channels = []"]),
        (MINIMAL + '[ivr.aliases]\n"x" = "nobody"\n', ["7: ivr.aliases.x: names a channel that ivr.channels does not"]),
        (MINIMAL + '[ivr.aliases]\nivr1-001 = "ivr1-002"\n', ["7: ivr.aliases.ivr1-001: is itself the name"]),
        (
            MINIMAL + '[agent_channel]\nbackoff_maximum = "1s"\nbackoff_initial = "2s"\n',
            ["8: agent_channel.backoff_initial: is longer than backoff_maximum"],
        ),
        (MINIMAL + '[endpoint_check]\ntimeout = "6s"\n', ["7: endpoint_check.timeout: is longer than interval"]),
        (
            MINIMAL + '[ivr.health]\ncheck = "sip:a"\ntimeout = "6s"\n',
            ["8: ivr.health.timeout: is longer than interval"],
        ),
        (
            MINIMAL + '[tls]\ncertificate_file = "/c"\n[api]\nkey_file = "/k"\n',
            ["7: tls.certificate_file: is set without key_file", "9: api.key_file: is set without certificate_file"],
        ),
        (
            MINIMAL + '[ce.auth]\nmethod = "wsse-username"\n',
            ["6: ce.auth.username: is missing", "6: ce.auth.password_file: is missing"],
        ),
        (
            MINIMAL + '[ce.auth]\nmethod = "basic"\nusername = "a:b"\npassword_file = "/p"\n',
            ["8: ce.auth.username: has a colon"],
        ),
        (
            MINIMAL + WORLD + 'allow = [\n"10.0.0.0/8",\n"::/0"]',
            ["10: api.allow[1]: lets everybody in without a token"],
        ),
    ],
)
def test_a_contradiction_is_a_fault(text: str, expected: list[str]) -> None:
    """Keys that contradict each other are named, with the line of the one to change."""
    found = faults(text)
    assert len(found) == len(expected)
    assert all(fault.startswith(start) for fault, start in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL,
        PRINTED,
        ANSWERS + '[agent_channel]\nconnector_urls = ["http://h/"]',
        MINIMAL.replace('["ivr1-{001..003}"]', "[]"),
        MINIMAL + '[ivr.aliases]\nivr1-001 = "ivr1-001"\n',
        MINIMAL + WORLD + 'allow = ["0.0.0.0/0"]\ntoken_file = "/t"\ncertificate_file = "/c"\nkey_file = "/k"',
        MINIMAL + '[api]\nlisten = "127.0.0.1:1"\nallow = ["0.0.0.0/0"]\n',
        MINIMAL + BASIC,
        MINIMAL.replace("https://ce1.example.com", "http://localhost") + BASIC,
        MINIMAL.replace("https://ce1.example.com", "http://[::1]") + BASIC,
        MINIMAL + '[calls]\non_ivr_down = "gone"\n[ivr.health]\ncheck = "tcp://h:1"\n',
        MINIMAL + '[endpoint_check]\nendpoints = ["tel:1", "sip:a"]\ntel_gateway = "sip:{number}@h"\n',
    ],
)
def test_what_agrees_has_neither_faults_nor_warnings(text: str) -> None:
    """Sensible configurations pass without a word."""
    assert good(text).warnings == ()


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ('[api]\nsocket_mode = "0666"\n', "7: api.socket_mode: lets every user of this machine change readiness"),
        (WORLD, "7: api.listen: is reachable from outside, but api.allow lets nobody in"),
        (
            WORLD + 'allow = ["10.0.0.0/8"]',
            "7: api.listen: lets the machines of api.allow report calls without a token",
        ),
        (WORLD + 'allow = ["10.0.0.0/8"]\ntoken_file = "/t"', "7: api.listen: lets the token cross the network"),
        (
            f'[agent_channel]\nconnector_urls = ["http://ce1/"]\n{BASIC}',
            "7: agent_channel.connector_urls[0]: lets the password cross the network in the clear",
        ),
        ('[ivr.channel_values."ivr2-*"]\na = "1"', '6: ivr.channel_values."ivr2-*": matches no channel'),
        ('[ivr.channel_values.ivr1-004]\na = "1"', "6: ivr.channel_values.ivr1-004: matches no channel"),
        ('[calls]\non_ivr_down = "gone"', "7: calls.on_ivr_down: has no effect without [ivr.health]"),
        ('[endpoint_check]\nendpoints = ["tel:1"]', "7: endpoint_check.endpoints[0]: will always be unknown"),
    ],
)
def test_what_looks_like_a_mistake_is_warned_about(text: str, warning: str) -> None:
    """A configuration that works, but hardly as meant, says so."""
    (found,) = good(MINIMAL + text).warnings
    assert f":{warning}" in str(found)


def test_a_faulty_key_causes_no_second_fault() -> None:
    """Rules do not look at keys that are faulty in themselves."""
    text = """\
ce = { active_by = 1, auth = { method = "basic", username = 1, password_file = 1 } }
agent_channel.backoff_initial = 1
endpoint_check.timeout = 1
tls = { certificate_file = 1, key_file = "/k" }
api = { listen = "0.0.0.0:1", allow = 1 }
notify = [{ events = 1 }]
[ivr]
name = 1
channels = 1
aliases.a = "b"
health = { check = 1, timeout = 1 }
[component_link]
urls = 1
"""
    found = faults(text)
    assert len(found) == 13
    assert all(" is the integer 1" in fault for fault in found)
    assert [int(fault.split(":")[0]) for fault in found] == [1, 1, 1, 2, 3, 4, 5, 6, 8, 9, 11, 11, 13]


def test_a_faulty_section_hides_the_rules_about_it() -> None:
    """A section that is no table is one fault, not one for each key that is missing in it."""
    assert len(faults(MINIMAL.replace("[component_link]\n", "component_link = 1\n[log]\n").replace("urls", "#"))) == 2
