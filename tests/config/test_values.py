"""Each key: what it becomes, and what it refuses."""

from __future__ import annotations

from ipaddress import ip_network
from operator import attrgetter
from pathlib import Path

import pytest

from tests.config.texts import faults, good, with_key

LONG = "x" * 129
URL = "component_link.urls"
ENDPOINTS = "endpoint_check.endpoints"


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("ivr.name", '"IVR eins é"', "IVR eins é"),
        ("ivr.name", f'"{LONG[1:]}"', LONG[1:]),
        ("ivr.channels", '["a", "b{9..11}", "c-{08..10}-{1..2}"]',
         ("a", "b9", "b10", "b11", "c-08-1", "c-08-2", "c-09-1", "c-09-2", "c-10-1", "c-10-2")),
        ("ivr.channels", "[]", ()),
        ("ivr.channels", '["{0..0}", "{1..1}x"]', ("0", "1x")),
        ("ivr.instance_id", '"other"', "other"),
        ("ce.profile", '"minimum"', "minimum"),
        ("ce.profile", '"site/profile.toml"', "/etc/agentchan/site/profile.toml"),
        ("ce.profile", '"profile.toml"', "/etc/agentchan/profile.toml"),
        ("ce.domain", '""', None),
        ("ce.auto_failover_interval", '"5m"', 300.0),
        (URL, '["HTTP://[::1]/x%20y", "https://192.0.2.7", "https://ce_1.example.com./"]',
         ("HTTP://[::1]/x%20y", "https://192.0.2.7", "https://ce_1.example.com./")),
        ("component_link.timeout", '"1m"', 60.0),
        ("agent_channel.drain_on_stop", '"0s"', 0.0),
        ("agent_channel.heartbeat_misses", "1", 1),
        ("endpoint_check.enabled", "true", True),
        (ENDPOINTS, '["sip:sales@sip1.example.com;transport=tls", "sips:[::1]:5061", "tel:+1-555-0100;ext=1"]',
         ("sip:sales@sip1.example.com;transport=tls", "sips:[::1]:5061", "tel:+1-555-0100;ext=1")),
        ("endpoint_check.unavailable_codes", "[603]", (603,)),
        ("endpoint_check.tel_gateway", '"sip:{number}@gw.example.com"', "sip:{number}@gw.example.com"),
        ("tls.ca_file", '"ca.pem"', Path("/etc/agentchan/ca.pem")),
        ("api.socket_mode", '"600"', 0o600),
        ("api.listen", '"127.0.0.1:0"', ("127.0.0.1", 0)),
        ("api.listen", '"[::1]:8093"', ("::1", 8093)),
        ("api.allow", '["10.0.0.0/8", "192.0.2.7", "fe80::/10"]',
         (ip_network("10.0.0.0/8"), ip_network("192.0.2.7/32"), ip_network("fe80::/10"))),
        ("ivr.health.check", '"tcp://127.0.0.1:5060"', "tcp://127.0.0.1:5060"),
        ("ivr.health.check", '"http://localhost/alive?deep=1"', "http://localhost/alive?deep=1"),
        ("ivr.aliases", '{"7001" = "ivr1-001"}', {"7001": "ivr1-001"}),
        ("ivr.channel_values", '{"*" = {a = "1"}}', {"*": {"a": "1"}}),
    ],
)  # fmt: skip
def test_a_value_is_read(key: str, written: str, value: object) -> None:
    """What is written arrives as the value that the program works with."""
    assert attrgetter(key)(good(with_key(key, written))) == value


@pytest.mark.parametrize(
    ("key", "written", "wrong"),
    [
        ("ivr.name", '""', "is empty"),
        ("ivr.name", f'"{LONG}"', "has 129 characters"),
        ("ivr.name", '" a"', "spaces"),
        ("ivr.name", '"a  b"', "spaces"),
        ("ivr.name", '"a\\tb"', "control characters"),
        ("ivr.name", '"a\\uFFFF"', "control characters"),
        ("ivr.name", "1979-05-27", "is a date or time"),
        ("ivr.name", "5.5", "is the float 5.5"),
        ("ivr.name", "{}", "is a table"),
        ("ivr.channels", '"a"', 'is the string "a"'),
        ("ivr.channels", "[1]", "is the integer 1"),
        ("ivr.channels", '["a", "a"]', "names a again, after item [0]"),
        ("ivr.channels", '["a{1..5}", "a5"]', "names a5 again, after item [0]"),
        ("ivr.channels", '["{1..11}{1..11}"]', "names a channel twice"),
        ("ivr.channels", '["a{1..2"]', "a brace that belongs to no range"),
        ("ivr.channels", '["a{3..2}"]', "ends before it begins"),
        ("ivr.channels", '["a{01..100}"]', "not equally long"),
        ("ivr.channels", '["a{1..100001}"]', "more than 100000 numbers"),
        ("ivr.channels", '["a{1..1000}{1..1000}"]', "more than 100000 channels"),
        ("ivr.channels", '["a{1..99999}", "b", "c"]', "more than 100000 channels"),
        ("ivr.channels", '[""]', "is empty"),
        ("ivr.channels", f'["{LONG[2:]}{{1..9}}", "{LONG[2:]}{{98..100}}"]', "has 130 characters"),
        ("ivr.instance_id", f'"{"i" * 201}"', "has 201 characters"),
        ("ivr.aliases", "5", "is the integer 5"),
        ("ivr.aliases", "{a = 1}", "ivr.aliases.a: is the integer 1"),
        ("ivr.aliases", '{"" = "ivr1-001"}', "is empty, too long or has control"),
        ("ivr.channel_values", '{x = "y"}', 'is the string "y"'),
        ("ivr.channel_values", '{"*" = {"1a" = "y"}}', "is no name"),
        ("ivr.channel_values", '{"*" = {a = 1}}', "is the integer 1"),
        ("ivr.channel_values", '{"*" = {a = "\\u0000"}}', "control characters"),
        ("ivr.health.check", '"ping"', "is no SIP URI"),
        ("ivr.health.check", '"tcp://127.0.0.1"', "no valid host and port"),
        ("ivr.health.check", '"http://"', "no valid host"),
        ("ce.profile", '"no such profile"', 'is the string "no such profile"'),
        ("ce.active_by", "true", "is the boolean true"),
        ("ce.active_by", '"guessing"', 'is the string "guessing"'),
        (URL, '["htps://h/"]', "neither http nor https"),
        (URL, '["h/"]', "is no URL"),
        (URL, f'["http://h/{"x" * 2000}"]', "is no URL"),
        (URL, '["http:///x"]', "no valid host"),
        (URL, '["http://1.2.3.400/"]', "no valid host"),
        (URL, '["http://[::g]/"]', "no valid host"),
        (URL, '["http://[fe80::1%eth0]/"]', "no valid host"),
        (URL, '["http://[1.2.3.4]/"]', "no valid host"),
        (URL, '["http://a b/"]', "no valid host"),
        (URL, '["http://h:0/"]', "a port that is not from 1 to 65535"),
        (URL, '["http://h:65536/"]', "a port that is not from 1 to 65535"),
        (URL, '["http://h:/"]', "no valid host"),
        (URL, '["http://h/#x"]', "has a fragment"),
        (URL, '["http://h/?wsdl"]', "has a query"),
        (URL, '["http://h/a b"]', "do not belong in a URL"),
        (URL, '["http://h/%zz"]', "do not belong in a URL"),
        (URL, '["http://h/x", "HTTP://H:80/x"]', "urls[1]: is the same as item [0]"),
        (URL, '"http://h/"', 'is the string "http://h/"'),
        ("component_link.timeout", "5", "is the integer 5"),
        ("component_link.timeout", '"5"', 'is the string "5", no duration'),
        ("component_link.timeout", '"0s"', 'is "0s", too short (a duration from "10ms" to "1m"'),
        ("component_link.timeout", '"61s"', 'is "61s", too long'),
        ("agent_channel.heartbeat_misses", "true", "is the boolean true"),
        ("agent_channel.heartbeat_misses", "3.0", "is the float 3.0"),
        ("agent_channel.heartbeat_misses", '"3"', 'is the string "3"'),
        ("agent_channel.heartbeat_misses", "0", "is the integer 0 (a whole number from 1 to 100)"),
        ("agent_channel.heartbeat_misses", "0x" + "f" * 9999, "is a very large integer"),
        ("agent_channel.heartbeat_misses", "[]", "is a list"),
        ("endpoint_check.enabled", '"no"', 'is the string "no"'),
        ("endpoint_check.enabled", "1", "is the integer 1"),
        (ENDPOINTS, '["http://h/"]', "is no SIP URI"),
        (ENDPOINTS, '["sip:a:b@h"]', "has a password in it"),
        (ENDPOINTS, '["sip:<>@h"]', "a user part that does not belong"),
        (ENDPOINTS, '["sip:a@h h"]', "no valid host"),
        (ENDPOINTS, '["sip:a@h;<>"]', "do not belong in a SIP URI"),
        (ENDPOINTS, '["sip:é@h"]', "do not belong in a URI"),
        (ENDPOINTS, '["tel:abc"]', "is no tel URI"),
        (ENDPOINTS, '["tel:1", "tel:1"]', "is the same as item [0]"),
        ("endpoint_check.tel_gateway", '"sip:gw.example.com"', "does not have {number} in it once"),
        ("endpoint_check.tel_gateway", '"{number}"', "is no SIP URI"),
        ("endpoint_check.unavailable_codes", "[200]", "unavailable_codes[0]: is the integer 200"),
        ("tls.ca_file", '"a\\u0000b"', "has control characters"),
        ("journal.path", '""', "is empty"),
        ("api.socket", f'"/{LONG}"', "is too long (a path of at most 107 bytes"),
        ("api.socket_mode", '"0440"', 'is the string "0440"'),
        ("api.socket_mode", "432", "is the integer 432"),
        ("api.listen", '"8093"', "is the string"),
        ("api.listen", '"127.0.0.1"', "is the string"),
        ("api.listen", '"localhost:8093"', "a name, no address"),
        ("api.listen", '"127.0.0.1:65536"', "is the string"),
        ("api.allow", '["10.0.0.1/8"]', "bits are set to the right"),
        ("api.allow", '["everyone"]', 'is the string "everyone"'),
        ("api.allow", '["fe80::1%eth0"]', "is the string"),
        ("log", "5", "log: is the integer 5 (a table: [log])"),
        ("ivr", "5", "ivr: is the integer 5 (a table: [ivr])"),
        ("notify", "{}", "is a table (a list of tables: [[notify]])"),
        ("notify", "[1]", "notify[0]: is the integer 1"),
        ("notify", "[" + "{}," * 101 + "]", "has 101 entries (at most 100)"),
        ("notify", '[{events = [], command = ["/x"]}]', "notify[0].events: has 0 items"),
        ("notify", '[{command = ["/x"]}]', "notify[0].events: is missing"),
        ("notify", '[{events = ["stuck"], command = ["/x\\u0000"]}]', "notify[0].command[0]: has a NUL"),
        ("notify", '[{events = ["stuck"]}]', "notify[0]: has neither command nor url"),
        ("notify", '[{events = ["stuck"], url = "http://h", command = ["/x"]}]', "has both command and url"),
        ("notify", '[{events = ["stuck"], command = ["x"]}]', "notify[0].command[0]: is no absolute path"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_fault(key: str, written: str, wrong: str) -> None:
    """What is not allowed is refused once, with what is wrong and what is allowed."""
    if "." in key:
        text = with_key(key, written)
    else:
        text = f"{key} = {written}\n" + (good_rest() if key != "ivr" else good_rest().split("[component_link]")[1])
        text = text if key != "ivr" else text.replace("\nurls", "\n[component_link]\nurls")
    (fault,) = faults(text)
    assert wrong in fault
    assert key.partition(".")[0] in fault
    assert fault.endswith(")")


def good_rest() -> str:
    """The minimal configuration, to stand below top-level keys."""
    return with_key("log.level", '"info"').replace('[log]\nlevel = "info"\n', "")


def test_too_many_entries_are_refused() -> None:
    """Tables of aliases and values are bounded too."""
    many = ", ".join(f'p{number} = {{a = "1"}}' for number in range(10_001))
    (fault,) = faults(with_key("ivr.channel_values", f"{{{many}}}"))
    assert "has 10001 entries (at most 10000)" in fault


@pytest.mark.parametrize(
    "url", ["https://ivr:geheim@h/", "https://ivr:geh/eim@h/", "sip:ivr:geheim@h", "x://ivr:geheim@"]
)
def test_a_password_in_an_address_is_not_repeated(url: str) -> None:
    """A fault about an address with a password does not show the password."""
    for key in (URL, "agent_channel.connector_urls", ENDPOINTS):
        (fault,) = faults(with_key(key, f'["{url}"]'))
        assert "geh" not in fault


def test_the_user_in_a_url_is_pointed_to_a_file() -> None:
    """A password in a URL is answered with where it belongs."""
    assert "the password belongs in a file" in faults(with_key(URL, '["https://a:b@h/"]'))[0]
