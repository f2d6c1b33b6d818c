"""URLs that can be dialed, and those that cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.ce.service_url import ServiceUrl


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://ce1/", (False, "ce1", 80, False, "/", "ce1")),
        ("http://ce1", (False, "ce1", 80, False, "/", "ce1")),
        (
            "https://CE1.Example.com.:8094/A?b=c#d",
            (True, "ce1.example.com", 8094, False, "/A?b=c", "ce1.example.com:8094"),
        ),
        ("https://192.0.2.1:443/x", (True, "192.0.2.1", 443, True, "/x", "192.0.2.1")),
        ("http://[2001:DB8::0:1]/x", (False, "2001:db8::1", 80, True, "/x", "[2001:db8::1]")),
        ("http://[::1]:8095/x", (False, "::1", 8095, True, "/x", "[::1]:8095")),
        ("https://bücher.example/", (True, "xn--bcher-kva.example", 443, False, "/", "xn--bcher-kva.example")),
        ("http://ce_1/IVRConnector", (False, "ce_1", 80, False, "/IVRConnector", "ce_1")),
        ("HTTP://ce1/a%20b", (False, "ce1", 80, False, "/a%20b", "ce1")),
    ],
)
def test_taken_apart(url: str, parts: tuple[bool, str, int, bool, str, str]) -> None:
    """Scheme, host in the form that is dialed and verified, port, request target and Host header."""
    parsed = ServiceUrl.parse(url)
    assert (parsed.secure, parsed.host, parsed.port, parsed.literal, parsed.target, parsed.authority) == parts


def test_where_always_has_the_port() -> None:
    """Reasons name host and port."""
    assert ServiceUrl.parse("http://[::1]/x").where == "[::1]:80"


def test_description() -> None:
    """Where the service's WSDL is: its query, if it has one, is something else's."""
    assert ServiceUrl.parse("https://ce1:8095/IVRConnector").wsdl.text == "https://ce1:8095/IVRConnector?wsdl"
    assert ServiceUrl.parse("http://ce1/a.svc?site=1").wsdl.text == "http://ce1/a.svc?wsdl"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "neither an http nor an https"),
        ("ftp://ce1/", "neither an http nor an https"),
        ("ce1:8094/x", "neither an http nor an https"),
        ("http:///x", "names no host"),
        ("http://./x", "names no host"),
        ("http://ce1:0/", "no port between 1 and 65535"),
        ("http://ce1:65536/", "no port between 1 and 65535"),
        ("http://ce1:abc/", "no port between 1 and 65535"),
        ("http://[::1/", "is not a URL"),
        ("http://[fe80::1%25eth0]/", "zone"),
        ("http://ce1/a b", "percent-encoded"),
        ("http://ce1/ä", "percent-encoded"),
        ("http://ce1/\r\nHost: x", "control character"),
        ("http://ce 1/", "not a host name"),
        ("http://-ce1/", "not a host name"),
        ("http://ce..1/", "not a host name"),
        ("http://ce1\\x/", "not a host name"),
        (f"http://{'a' * 64}/", "not a host name"),
        (f"http://{'a.' * 127}a/", "not a host name"),
        ("http://\u2f00\u200d.example/", "not a host name"),
        (f"http://ce1/{'a' * 2048}", "too long"),
    ],
)
def test_refused(url: str, words: str) -> None:
    """What cannot be dialed is refused with the reason."""
    with pytest.raises(ValueError, match=words):
        ServiceUrl.parse(url)


@pytest.mark.parametrize("scheme", ["http", "ftp", "http\n"])
def test_password_is_never_shown(scheme: str) -> None:
    """A user name and password in a URL are refused, and not repeated."""
    with pytest.raises(ValueError, match="user name") as refused:
        ServiceUrl.parse(f"{scheme}://ivr:hunter2@ce1/")
    assert "hunter2" not in str(refused.value)


@given(st.one_of(st.text(), st.from_regex(r"https?://[^/]{0,20}(:[0-9]{0,6})?/.*")))
def test_any_text(url: str) -> None:
    """Any text is a URL whose parts are safe for a request, or refused in one line."""
    try:
        parsed = ServiceUrl.parse(url)
    except ValueError as refused:
        assert "\n" not in str(refused)  # noqa: PT017 - both outcomes are right
        return
    head = f"{parsed.target}{parsed.authority}"
    assert head.isascii()
    assert head.isprintable()
    assert " " not in head
