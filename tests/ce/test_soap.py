"""The codec besides what a profile decides: headers, who we are, threads, and characters."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from zeep.wsse.username import UsernameToken

from agentchan.ce.credentials import Authentication
from agentchan.ce.envelope import content_type, fault_body, opened, wrapped
from agentchan.ce.errors import CannotEncode, ExchangeFailed, at, one_line
from agentchan.ce.samples import sample_message, samples
from agentchan.ce.soap import Message
from agentchan.ce.wsdl import SoapVersion
from agentchan.ce.xml_input import parse_xml
from agentchan.vocabulary import (
    ChannelReport,
    ChannelState,
    Gone,
    Heartbeat,
    NewCall,
    OpenSession,
    ReadinessChange,
    Secret,
    SetReadiness,
)
from tests.ce.wsdls import ALL, URL, codec, envelope, profile

SPACE = "urn:agentchan:contract:ivr-connector:1"
WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
TOKEN_PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
WSA = "{http://www.w3.org/2005/08/addressing}"
PASSWORD = "pa<ss&\"w'ö"
CALL = NewCall("s", "ivr1", "c", "n", datetime(2026, 11, 24, tzinfo=UTC))
GONE = Gone("s", "ivr1", "c", "n", datetime(2026, 11, 24, tzinfo=UTC))


def secret(method: str, *, digest: bool = False) -> Authentication:
    """Who we are."""
    return Authentication(method, "ivr<1>", Secret(PASSWORD), digest=digest)


def header(message: Message, version: SoapVersion = SoapVersion.SOAP_11) -> etree._Element | None:
    """The SOAP header of a message."""
    return parse_xml(message.body).find(f"{{{version.value}}}Header")


class TestHeaders:
    """HTTP's and SOAP's."""

    def test_soap_11(self) -> None:
        """SOAP 1.1 has the action in a header of its own, in quotes, an empty one, too; and no SOAP header."""
        message = codec("reference").encode(Heartbeat("s"), URL)
        assert message.headers == (
            (b"Content-Type", b"text/xml; charset=utf-8"),
            (b"SOAPAction", b'"urn:agentchan:contract:ivr-connector:1/Heartbeat"'),
        )
        assert header(message) is None
        assert message.body.startswith(b'<?xml version="1.0" encoding="utf-8"?>\n<s:Envelope ')

    def test_soap_12(self) -> None:
        """SOAP 1.2 has the action in the Content-Type."""
        message = codec("soap12").encode(CALL, URL)
        wanted = b'application/soap+xml; charset=utf-8; action="urn:site:connector/CallBegins"'
        assert message.headers == ((b"Content-Type", wanted),)
        assert content_type(SoapVersion.SOAP_12, 'a"b\\c') == 'application/soap+xml; charset=utf-8; action="a\\"b\\\\c"'
        assert content_type(SoapVersion.SOAP_12) == "application/soap+xml; charset=utf-8"

    def test_addressing(self) -> None:
        """With addressing every message has a name of its own, and says what it wants and of whom."""
        names = set()
        for _ in range(2):
            head = header(codec("soap12").encode(CALL, "http://ce1/a?b&c"), SoapVersion.SOAP_12)
            assert head is not None
            found = {each.tag: each for each in head}
            assert found[f"{WSA}Action"].text == "urn:site:connector/CallBegins"
            assert found[f"{WSA}To"].text == "http://ce1/a?b&c"
            assert found[f"{WSA}ReplyTo"][0].text == "http://www.w3.org/2005/08/addressing/anonymous"
            for name in ("Action", "To"):
                assert found[f"{WSA}{name}"].get(f"{{{SoapVersion.SOAP_12.value}}}mustUnderstand") == "1"
            names.add(found[f"{WSA}MessageID"].text or "")
        assert len(names) == 2
        assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", name) for name in names)

    def test_constant(self) -> None:
        """A constant header is in every message, before all others."""
        for sample in samples(profile("soap12")):
            head = header(sample.message, SoapVersion.SOAP_12)
            assert head is not None
            assert (head[0].tag, head[0].text) == ("{urn:site:tenant}Tenant", "north")


class TestAuthentication:
    """Who we are, and how it is said."""

    @pytest.mark.parametrize("name", ALL)
    def test_none(self, name: str) -> None:
        """With none nothing is said."""
        for sample in samples(profile(name)):
            assert not any(key == b"Authorization" for key, _ in sample.message.headers)
            assert b"Security" not in sample.message.body

    @pytest.mark.parametrize("name", ALL)
    def test_basic(self, name: str) -> None:
        """HTTP Basic (RFC 7617) is in every request, in UTF-8, and not in the message."""
        for sample in samples(profile(name), secret("basic")):
            pair = dict(sample.message.headers)[b"Authorization"]
            assert base64.b64decode(pair.removeprefix(b"Basic ")).decode() == f"ivr<1>:{PASSWORD}"
            assert b"Security" not in sample.message.body

    def test_basic_by_the_book(self) -> None:
        """The examples of RFC 7617, sections 2 and 2.1."""
        said = Authentication("basic", "Aladdin", Secret("open sesame")).http_headers()
        assert said == ((b"Authorization", b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),)
        said = Authentication("basic", "test", Secret("123£")).http_headers()
        assert said == ((b"Authorization", b"Basic dGVzdDoxMjPCow=="),)

    @pytest.mark.parametrize("name", ALL)
    def test_text(self, name: str) -> None:
        """A UsernameToken with the password as text (WSS UsernameToken Profile 1.0, 3.1) is in every message."""
        version = profile(name).connector.version
        for sample in samples(profile(name), secret("wsse-username")):
            head = header(sample.message, version)
            assert head is not None
            security = head.find(f"{WSSE}Security")
            assert security is not None
            assert security.get(f"{{{version.value}}}mustUnderstand") == "1"
            (token,) = security
            assert [each.tag for each in token] == [f"{WSSE}Username", f"{WSSE}Password"]
            assert [each.text for each in token] == ["ivr<1>", PASSWORD]
            assert token[1].get("Type") == f"{TOKEN_PROFILE}#PasswordText"
            assert not any(key == b"Authorization" for key, _ in sample.message.headers)

    def test_digest(self) -> None:
        """With a digest the password is not in the message, but Base64(SHA-1(nonce + created + password)) is."""
        body = codec("reference", secret("wsse-username", digest=True)).encode(Heartbeat("s"), URL).body
        assert PASSWORD.encode() not in body
        (token,) = parse_xml(body).iter(f"{WSSE}UsernameToken")
        found = {each.tag: each for each in token}
        assert found[f"{WSSE}Password"].get("Type") == f"{TOKEN_PROFILE}#PasswordDigest"
        assert (found[f"{WSSE}Nonce"].get("EncodingType") or "").endswith("#Base64Binary")
        nonce, created = found[f"{WSSE}Nonce"].text or "", found[f"{WSU}Created"].text or ""
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created)
        mixed = base64.b64decode(nonce) + created.encode() + PASSWORD.encode()
        digest = hashlib.sha1(mixed, usedforsecurity=False).digest()
        assert found[f"{WSSE}Password"].text == base64.b64encode(digest).decode()

    def test_digest_by_hand(self) -> None:
        """The digest of a nonce, a time and a password that were put through sha1sum by hand."""
        said = Authentication("wsse-username", "u", Secret("taadtaadpstcsm"), digest=True).soap_header(
            now=lambda: datetime(2003, 12, 15, 14, 43, 7, tzinfo=UTC),
            nonce=lambda: base64.b64decode("d36e316282959a9ed4c89851497a717f"),
        )
        assert ">d36e316282959a9ed4c89851497a717f</wsse:Nonce>" in said
        assert ">2003-12-15T14:43:07Z</wsu:Created>" in said
        # printf '%s' d36e316282959a9ed4c89851497a717f | base64 -d; printf '%s' 2003-12-15T14:43:07Ztaadtaadpstcsm
        assert f'#PasswordDigest">{BY_HAND}</wsse:Password>' in said

    @pytest.mark.parametrize("digest", [True, False])
    def test_as_zeep(self, digest: bool) -> None:
        """The same as zeep makes of it, element by element."""
        at, nonce = datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC), "a nonce"
        more = {"nonce": nonce, "created": at, "zulu_timestamp": True} if digest else {}
        peer = UsernameToken("ivr<1>", PASSWORD, use_digest=digest, **more)
        theirs, _ = peer.apply(parse_xml(envelope("")), {})
        ours = secret("wsse-username", digest=digest).soap_header(now=lambda: at, nonce=nonce.encode)

        def told(root: etree._Element) -> list[tuple[str, str | None, dict[str, str]]]:
            (token,) = root.iter(f"{WSSE}UsernameToken")
            return sorted((str(each.tag), each.text, dict(each.attrib)) for each in token)

        assert told(parse_xml(envelope("", header=ours))) == told(theirs)

    def test_nonces(self) -> None:
        """No nonce comes twice."""
        made = codec("reference", secret("wsse-username", digest=True))
        nonces = {re.findall(b"<wsse:Nonce[^>]*>([^<]+)<", made.encode(Heartbeat("s"), URL).body)[0] for _ in range(50)}
        assert len(nonces) == 50
        assert all(len(base64.b64decode(nonce)) == 16 for nonce in nonces)

    def test_anew(self) -> None:
        """What a reload sets is said from then on."""
        made = codec("reference", secret("basic"))
        made.authentication = Authentication()
        assert len(made.encode(Heartbeat("s"), URL).headers) == 2

    @pytest.mark.parametrize("method", ["basic", "wsse-username"])
    def test_never_shown(self, method: str) -> None:
        """The password is in no repr and in no reason or traceback of what fails."""
        authentication = secret(method)
        made = codec("wcf", authentication)
        shown = [repr(authentication), str(authentication), repr(made), repr(made.__dict__)]
        for work in (
            lambda: made.encode(GONE, URL),
            lambda: made.decode(Heartbeat("s"), 401, None, b""),
            lambda: made.decode(Heartbeat("s"), 200, "text/xml", b"<a>"),
        ):
            try:
                work()
            except (ExchangeFailed, CannotEncode) as error:
                shown += [str(error), repr(error), *traceback.TracebackException.from_exception(error).format()]
        assert len(shown) > 10
        assert not any(PASSWORD in each for each in shown)


BY_HAND = "0WSAldY9ogqqVyQo7ubbZxxFU/s="


def reports(count: int, state: str) -> bytes:
    """An answer to SetReadiness."""
    each = "".join(
        f"<ChannelReport><Channel>c{n}</Channel><State>{state}</State></ChannelReport>" for n in range(count)
    )
    return envelope(f'<SetReadinessResponse xmlns="{SPACE}">{each}</SetReadinessResponse>')


class TestThreads:
    """Both directions in several threads at once."""

    def in_threads(self, work: Callable[[int], None], threads: int = 4) -> None:
        """Do it in so many threads, all at the same time."""
        together = threading.Barrier(threads)

        def run(number: int) -> None:
            together.wait()
            for _ in range(20):
                work(number)

        with ThreadPoolExecutor(threads) as pool:
            for each in [pool.submit(run, number) for number in range(threads)]:
                each.result()

    def test_decode(self) -> None:
        """Each thread gets its own answer's meaning: good, with something added, or with its own reason."""
        made, states = codec("reference"), ["Ready", "NotReady", "Busy", "Wrong"]

        def work(number: int) -> None:
            state = states[number]
            body = reports(200, state).replace(b"</SetR", b"<Added/></SetR" if number % 2 else b"</SetR")
            if state == "Wrong":
                with pytest.raises(ExchangeFailed, match="The value 'Wrong' is not an element of the set"):
                    made.decode(SetReadiness("s", ()), 200, "text/xml", body)
            else:
                reply = made.decode(SetReadiness("s", ()), 200, "text/xml", body)
                assert reply.reports == tuple(ChannelReport(f"c{n}", ChannelState(state)) for n in range(200))

        self.in_threads(work)

    def test_encode(self) -> None:
        """Each thread gets its own message."""
        made = codec("reference")
        names = [tuple(f"{letter}{number}" for number in range(300)) for letter in "abcd"]
        expected = [made.encode(OpenSession("i", "h", each), URL) for each in names]

        def work(number: int) -> None:
            assert made.encode(OpenSession("i", "h", names[number]), URL) == expected[number]

        self.in_threads(work)


class TestCharacters:
    """What XML makes of texts."""

    @given(
        name=st.text(
            st.characters(codec="utf-8", exclude_characters=" \t\r\n\ufffe\uffff", exclude_categories=("Cc",)),
            min_size=1,
        )
    )
    def test_there_and_back(self, name: str) -> None:
        """A channel's name comes back as it went, whatever spaces of Unicode and marks are in it."""
        change = ReadinessChange(name, ready=True)
        body = codec("reference").encode(SetReadiness("s", (change,)), URL).body
        said = next(parse_xml(body).iter(f"{{{SPACE}}}Channel"))
        assert said.text == name
        answer = etree.Element(f"{{{SPACE}}}SetReadinessResponse")
        report = etree.SubElement(answer, f"{{{SPACE}}}ChannelReport")
        etree.SubElement(report, f"{{{SPACE}}}Channel").text = f"\n  {name}\t"
        etree.SubElement(report, f"{{{SPACE}}}State").text = "Ready"
        for encoding in ("utf-8", "utf-16", "us-ascii"):
            whole = envelope(etree.tostring(answer, encoding="unicode")).decode()
            body = etree.tostring(etree.fromstring(whole), encoding=encoding, xml_declaration=True)
            if len(name) <= 128:
                reply = codec("reference").decode(SetReadiness("s", (change,)), 200, "text/xml", body)
                assert reply.reports == (ChannelReport(name, ChannelState.READY),)

    @given(text=st.text())
    def test_one_line(self, text: str) -> None:
        """A reason is one printable line, bounded, whatever it is made of."""
        failure = at("ce1:8095", ExchangeFailed(text * 20))
        assert failure.reason.isprintable()
        assert len(failure.reason) <= 500
        assert one_line("a\r\n\x00\u2028b  c") == "a b c"

    @given(text=st.text())
    def test_faults(self, text: str) -> None:
        """A fault that the SOAP door gives is XML, whatever its text."""
        for version in SoapVersion:
            body = fault_body(version, text, senders=True, detail="<a/>")
            fault = opened(version, parse_xml(wrapped(version, "", body)))
            assert fault.tag == f"{{{version.value}}}Fault"


class TestSamples:
    """Every duty's message, to be shown."""

    @pytest.mark.parametrize("name", ALL)
    def test_order(self, name: str) -> None:
        """There is one of each duty, with the operation that it is of."""
        made = profile(name)
        shown = samples(made)
        assert [each.duty for each in shown] == list(made.mapped)
        assert [each.operation for each in shown] == [duty.operation.name for duty in made.mapped.values()]

    def test_problems(self) -> None:
        """What the WSDL says against a sample is told, without namespaces."""
        assert sample_message(profile("shapes"), "new_call").problems == (
            "Element 'From', attribute 'vip': 'a vip' is not a valid value of the atomic type 'xs:boolean'.",
        )
