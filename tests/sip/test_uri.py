"""SIP, SIPS and tel URIs."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentchan.sip.errors import UnusableUri
from agentchan.sip.uri import SipUri, gateway_uri, is_tel
from tests.sip.timing import quick


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sip:sip1.example.com", SipUri("sip:sip1.example.com", False, "sip1.example.com")),
        ("SIP:Sales@SIP1.Example.COM.", SipUri("sip:Sales@sip1.example.com", False, "sip1.example.com")),
        ("sips:a@example.com", SipUri("sips:a@example.com", True, "example.com")),
        (
            "sip:a@example.com;transport=TLS;lr",
            SipUri("sip:a@example.com;transport=TLS;lr", False, "example.com", None, "tls"),
        ),
        (
            "sips:a@example.com:5071;transport=tcp",
            SipUri("sips:a@example.com:5071;transport=tcp", True, "example.com", 5071, "tls"),
        ),
        ("sip:[2001:DB8::1]:5062", SipUri("sip:[2001:db8::1]:5062", False, "2001:db8::1", 5062)),
        ("sip:192.0.2.1:5062", SipUri("sip:192.0.2.1:5062", False, "192.0.2.1", 5062)),
        ("sip:a%40b;x=1?y@example.com", SipUri("sip:a%40b;x=1?y@example.com", False, "example.com")),
        (
            "sip:a@example.com;method=INVITE;user=phone?Subject=x%20y&To=z",
            SipUri("sip:a@example.com;user=phone", False, "example.com"),
        ),
        (
            "sip:a@example.com;maddr=192.0.2.7",
            SipUri("sip:a@example.com;maddr=192.0.2.7", False, "example.com", maddr="192.0.2.7"),
        ),
        (
            "sip:a@example.com;maddr=[2001:db8::1]",
            SipUri("sip:a@example.com;maddr=[2001:db8::1]", False, "example.com", maddr="2001:db8::1"),
        ),
        ("sip:a@pbx1:5062", SipUri("sip:a@pbx1:5062", False, "pbx1", 5062)),
        ("sip:sip1.site2", SipUri("sip:sip1.site2", False, "sip1.site2")),
        ("sip:App_Server;lr", SipUri("sip:app_server;lr", False, "app_server")),
        ("sip:%61@[::1]", SipUri("sip:%61@[::1]", False, "::1")),
    ],
)
def test_parts(text: str, expected: SipUri) -> None:
    """A URI is taken apart; host and scheme lose their case, headers and method go, the user part stays."""
    assert SipUri.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("sales", "does not begin"),
        ("http://example.com", "does not begin"),
        ("sip:", "not well-formed"),
        ("sip:@example.com", "not well-formed"),
        ("sip:a b@example.com", "blanks"),
        ("sip:ä@example.com", "blanks"),
        ("sip:a@example.com\r\nVia: x", "blanks"),
        ("sip:a%4@example.com", "not well-formed"),
        ("sip:a:secret@example.com", "password"),
        ("sip:example.com:0", "no port"),
        ("sip:example.com:65536", "no port"),
        ("sip:300.1.1.1", "address that is none"),
        ("sip:1234", "address that is none"),
        ("sip:-a.example", "not well-formed"),
        ("sip:a..example", "not well-formed"),
        ("sip:a@b@example.com", "not well-formed"),
        ("sip:a@example.com:", "not well-formed"),
        ("sip:a@example.com;maddr=", "not well-formed"),
        ("sip:a@example.com;maddr", "host name"),
        ("sip:a@example.com;maddr=a/b", "host name"),
        ("sip:a@example.com;maddr=300.1.1.1", "address that is none"),
        ("sip:" + ".".join(["a" * 60] * 5), "host name"),
        ("sip:[::1", "not well-formed"),
        ("sip:[1:2]", "address that is none"),
        ("sip:" + "a" * 64 + ".example", "host name"),
        ("sip:a@example.com;transport=ws", "transport"),
        ("sip:a@example.com;transport", "transport"),
        ("sips:a@example.com;transport=udp", "UDP"),
        ("sip:a@example.com;;", "not well-formed"),
        ("sip:a@example.com;self=1", "not well-formed"),
        ("sip:a@example.com?x=<y>", "headers"),
        ("sip:" + "a" * 400 + "@example.com", "characters"),
        ("tel:+1555", "neither sip nor sips"),
    ],
)
def test_unusable(text: str, why: str) -> None:
    """What cannot be probed is refused with a reason, which never repeats the URI."""
    with pytest.raises(UnusableUri, match=why) as refused:
        SipUri.parse(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "probed"),
    [
        ("tel:+1-555-0100", "sip:+15550100@gw.example.com"),
        ("TEL:+1(555)01.00;ext=1", "sip:+15550100@gw.example.com"),
        ("tel:*21#;phone-context=example.com", "sip:*21%23@gw.example.com"),
    ],
)
def test_gateway(text: str, probed: str) -> None:
    """A tel URI becomes its number at the gateway."""
    assert is_tel(text)
    assert gateway_uri(text, "sip:{number}@gw.example.com").text == probed


@pytest.mark.parametrize("text", ["tel:", "tel:abcxyz", "tel:+", "tel:+1;", "tel:+1 555"])
def test_no_number(text: str) -> None:
    """A malformed tel URI is refused."""
    with pytest.raises(UnusableUri):
        gateway_uri(text, "sip:{number}@gw.example.com")


def parsed(text: str) -> SipUri | None:
    """The URI, None where it is refused."""
    try:
        return gateway_uri(text, "sip:{number}@gw.example.com") if is_tel(text) else SipUri.parse(text)
    except UnusableUri:
        return None


PIECES = ["a", "a-", "1", "1.", "a.", ";a=b", ";", "%41", "[", "1:", "]", ":", "@", "?", "=", "&", "-", "(", "+", "#"]


@given(
    st.text(max_size=60)
    | st.from_regex(r"(?:sips?|tel):[\x20-\x7e]{0,60}", fullmatch=True)
    | st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from([1, 2, 200, 400])), max_size=6).map(
        lambda pieces: ("sip:" + "".join(piece * times for piece, times in pieces))[:400]
    )
    | st.sampled_from(PIECES).map(lambda piece: f"tel:{piece * 400}"[:400])
)
@example("tel:" + "1-" * 198)
@example("tel:" + "(" * 396)
@example("sip:" + "a-" * 190 + "@" + "a-" * 5 + "!")
def test_any_text(text: str) -> None:
    """Any text is a URI or refused, in less than 10 ms, and a URI is its own canonical form."""
    uri = parsed(text)
    if uri is not None:
        assert SipUri.parse(uri.text) == uri
        assert uri.text.isascii()
    assert quick(lambda: parsed(text))
