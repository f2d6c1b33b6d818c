"""Answers that are none: each is a failed exchange with a reason, soon, and nothing else; no file is read for it."""

from __future__ import annotations

import gzip
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.samples import sample_request
from agentchan.ce.wsdl import SoapVersion
from agentchan.vocabulary import Heartbeat, Meaning, Reply, Role
from tests.ce.wsdls import codec, envelope, profile

SPACE = "urn:agentchan:contract:ivr-connector:1"
XML = "text/xml; charset=utf-8"
GOOD = envelope(f'<HeartbeatResponse xmlns="{SPACE}"><Role>Active</Role><Generation>7</Generation></HeartbeatResponse>')
LAUGHS = b'<!DOCTYPE a [<!ENTITY l0 "lol">' + b"".join(
    b'<!ENTITY l%d "%s">' % (number, b"&l%d;" % (number - 1) * 10) for number in range(1, 12)
)
PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><hr>nginx</body></html>"


def answered(body: bytes, status: int = 200, media_type: str | None = XML, name: str = "reference") -> Reply:
    """What the answer to a heartbeat means; of profiles without one, to a NewCall."""
    made = profile(name)
    request = sample_request(made, "heartbeat" if "heartbeat" in made.mapped else "new_call")
    return codec(name).decode(request, status, media_type, body)


def refused(body: bytes, status: int = 200, media_type: str | None = XML, name: str = "reference") -> str:
    """Why an answer is none."""
    with pytest.raises(ExchangeFailed) as caught:
        answered(body, status, media_type, name)
    reason = caught.value.reason
    assert reason == str(caught.value)
    assert reason.isprintable()
    assert len(reason) <= 500
    return reason


def heartbeat(inside: str, space: str = SPACE, name: str = "HeartbeatResponse") -> bytes:
    """An answer to a heartbeat."""
    return envelope(f'<{name} xmlns="{space}">{inside}</{name}>')


FINE = "<Role>Active</Role><Generation>7</Generation>"

NO_XML = "answered with what is not SOAP: it is not well-formed XML ("
NO_SOAP = "answered with what is not SOAP: "
INVALID = "the reply to Heartbeat is not as its WSDL says: "

CASES: dict[str, tuple[str, bytes]] = {
    "spaces": (f"{NO_XML}Start tag expected", b" \r\n"),
    "page": (f"{NO_XML}Opening and ending tag mismatch", PAGE),
    "XHTML": (f"{NO_SOAP}its root is {{urn:html}}html, not a SOAP Envelope", b'<html xmlns="urn:html"/>'),
    "gzip": (NO_XML, gzip.compress(GOOD)),
    "truncated": (f"{NO_XML}Premature end of data", GOOD.partition(b"</Role>")[0]),
    "junk behind": (f"{NO_XML}Extra content", GOOD + b"x"),
    "two documents": (f"{NO_XML}Extra content", GOOD + GOOD),
    "NUL": (NO_XML, b"\0" * 9),
    "Latin-1 as UTF-8": (f"{NO_XML}Invalid bytes in character encoding", "<é/>".encode("latin-1")),
    "unknown encoding": (f"{NO_XML}Unsupported encoding: x", b'<?xml version="1.0" encoding="x"?>' + GOOD),
    "UTF-16 without a mark": (NO_XML, GOOD.decode().encode("utf-16-le")),
    "undeclared entity": (f"{NO_XML}Entity 'x' not defined", heartbeat("&x;")),
    "undeclared prefix": (f"{NO_XML}Namespace prefix x", envelope("<x:y/>")),
    "doctype": (f"{NO_SOAP}it has a document type declaration, which SOAP forbids", b"<!DOCTYPE a>" + GOOD),
    "entity": (f"{NO_SOAP}it has a document type", b'<!DOCTYPE a [<!ENTITY x "Active">]>' + heartbeat("&x;")),
    "billion laughs": (f"{NO_XML}Maximum entity amplification", LAUGHS + b"]>" + heartbeat("&l11;")),
    "billion laughs in an attribute": (f"{NO_XML}Maximum entity amplification", LAUGHS + b']><a b="&l11;"/>'),
    "deep": (f"{NO_XML}Excessive depth", b"<a>" * 80_000),
    "long attribute": (f"{NO_SOAP}its root is a, not", b'<a b="' + b"x" * 250_000 + b'"/>'),
    "many bytes": ("answered Heartbeat with 300000 bytes; no reply to it has so many", b"x" * 300_000),
    "many elements": (
        "answered Heartbeat with 10001 elements; no reply to it has so many",
        b"<a>%b</a>" % (b"<b/>" * 10_000),
    ),
    "long name": (f"{NO_XML}Name too long", b"<" + b"a" * 100_000 + b"/>"),
    "many attributes": (f"{NO_SOAP}its root is a, not", b"<a %b/>" % b" ".join(b'b%d=""' % n for n in range(20_000))),
    "the other SOAP": (
        f"{NO_SOAP}it is SOAP of another version ({{{SoapVersion.SOAP_12.value}}}Envelope)",
        envelope("<a/>", SoapVersion.SOAP_12),
    ),
    "no body": (f"{NO_SOAP}its Envelope has no Body", envelope("").replace(b"Body", b"Boddy")),
    "nothing in the body": (f"{NO_SOAP}its Body has 0 elements instead of one", envelope("")),
    "several in the body": (f"{NO_SOAP}its Body has 2 elements instead of one", envelope("<a/><b/>")),
    "wrong operation": (f"answered Heartbeat with {{{SPACE}}}GoneResponse", heartbeat(FINE, name="GoneResponse")),
    "wrong namespace": ("answered Heartbeat with {urn:x}HeartbeatResponse", heartbeat(FINE, "urn:x")),
    "wrong namespace within": (
        f"{INVALID}Element 'Generation': This element is not expected. Expected is ( Role ).",
        heartbeat(FINE.replace("<Role", '<Role xmlns="urn:x"')),
    ),
    "missing": (
        f"{INVALID}Element 'HeartbeatResponse': Missing child element(s). Expected is ( Generation ).",
        heartbeat("<Role>Active</Role>"),
    ),
    "order": (
        f"{INVALID}Element 'Generation': This element is not expected. Expected is ( Role ).",
        heartbeat("<Generation>7</Generation><Role>Active</Role>"),
    ),
    "twice": (f"{INVALID}Element 'Generation': This element is not expected.", heartbeat(FINE + FINE[-26:])),
    "no number": (
        f"{INVALID}Element 'Generation': 'zz' is not a valid value of the atomic type 'xs:unsignedLong'.",
        heartbeat(FINE.replace("7", "zz")),
    ),
    "negative": (f"{INVALID}Element 'Generation': '-1' is not a valid value", heartbeat(FINE.replace("7", "-1"))),
    "too large": (f"{INVALID}Element 'Generation': '{2**64}' is not", heartbeat(FINE.replace("7", str(2**64)))),
    "number without end": (f"{INVALID}Element 'Generation': '9999", heartbeat(FINE.replace("7", "9" * 100_000))),
    "no word": (
        f"{INVALID}Element 'Role': The value 'Boss' is not an element of the set {{'Active', 'Standby'}}.",
        heartbeat(FINE.replace("Active", "Boss")),
    ),
    "text between": (f"{INVALID}Element 'HeartbeatResponse': Character content other than", heartbeat(f"x{FINE}")),
    "line ends": (f"{INVALID}Element 'Role': The value 'a b' is not", heartbeat(FINE.replace("Active", "a\n\n b"))),
}
"""What comes with status 200 as XML, behind what is said of it."""

HTTP_CASES: dict[str, tuple[str, int, str | None, bytes]] = {
    "empty": ("answered with HTTP status 200 and an empty body", 200, XML, b""),
    "empty fault": ("answered with HTTP status 500 and an empty body", 500, XML, b""),
    "accepted": ("answered with HTTP status 202", 202, None, b""),
    "no content": ("answered with HTTP status 204", 204, None, b""),
    "no type": ("answered with HTTP status 200 and no Content-Type, not XML", 200, None, GOOD),
    "page": ("answered with HTTP status 200 and text/html, not XML", 200, "text/html", PAGE),
    "page 500": ("answered with HTTP status 500 and text/html; charset=x, not XML", 500, "text/html; charset=x", PAGE),
    "page 500 as XML": (NO_XML, 500, XML, PAGE),
    "page 502": ("answered with HTTP status 502", 502, "text/html", PAGE),
    "JSON": ("answered with HTTP status 200 and application/json, not XML", 200, "application/json", b"{}"),
    "unauthorized": ("answered with HTTP status 401: it does not accept who we are, see [ce.auth]", 401, None, b""),
    "forbidden": ("answered with HTTP status 403: it does not let us in, see [ce.auth]", 403, None, b""),
    "not found": ("answered with HTTP status 404: there is no service at this URL", 404, None, b""),
    "method": ("answered with HTTP status 405: this URL takes no calls", 405, None, b""),
    "media type": ("answered with HTTP status 415: it speaks another version of SOAP, see", 415, None, b""),
    "moved": ("answered with HTTP status 302", 302, None, b""),
    "strange status": ("answered with HTTP status 599", 599, None, b""),
    "status of SOAP 1.2": ("answered with HTTP status 400", 400, XML, envelope("<s:Fault/>")),
    "reply with 500": ("answered Heartbeat with HTTP status 500 and no fault", 500, XML, GOOD),
    "multipart": ("answered with HTTP status 200 and multipart/related, not XML", 200, "multipart/related", GOOD),
    "line end in a type": ("answered with HTTP status 200 and text/ html, not XML", 200, "text/\x00html\n", GOOD),
}


class TestRefused:
    """What is no answer of the contract."""

    @pytest.mark.parametrize("case", CASES)
    def test_reason(self, case: str) -> None:
        """It is a failed exchange that says in one line what came instead."""
        reason, body = CASES[case]
        assert refused(body).startswith(reason)

    @pytest.mark.parametrize("case", HTTP_CASES)
    def test_http(self, case: str) -> None:
        """So are a status, a Content-Type or a body that cannot carry one."""
        reason, status, media_type, body = HTTP_CASES[case]
        assert refused(body, status, media_type).startswith(reason)

    def test_other_version(self) -> None:
        """A profile of SOAP 1.2 refuses SOAP 1.1."""
        assert "another version" in refused(envelope("<a/>"), 200, "application/soap+xml", "soap12")

    def test_one_way(self) -> None:
        """An operation without a reply is confirmed by an answer without one, and by nothing else."""
        gone = sample_request(profile("wcf"), "gone")
        made = codec("wcf")
        for status, media_type, body in ((202, None, b""), (200, XML, b""), (204, None, b""), (200, XML, envelope(""))):
            assert made.decode(gone, status, media_type, body) == Reply(Meaning.CONFIRMED)
        for status, media_type, body in (
            (500, XML, b""),
            (404, None, b""),
            (200, XML, GOOD),
            (200, "text/html", PAGE),
            (500, XML, envelope("")),
        ):
            with pytest.raises(ExchangeFailed):
                made.decode(gone, status, media_type, body)
        fault = envelope("<s:Fault><faultcode>s:Server</faultcode><faultstring>no</faultstring></s:Fault>")
        assert made.decode(gone, 500, XML, fault) == Reply(Meaning.RETRY, "no", placed=False)

    @pytest.mark.parametrize("duty", ["get_status", "watch_status"])
    def test_status(self, duty: str) -> None:
        """A Component Service's fault is a failed exchange, too, and so is a status without a role."""
        made = codec("reference")
        fault = envelope("<s:Fault><faultcode>s:Server</faultcode><faultstring>busy\nnow</faultstring></s:Fault>")
        with pytest.raises(ExchangeFailed, match=r"ServerStatus got a fault \(Server\): busy now$"):
            made.decode_status(duty, 500, XML, fault)
        space = "http://site.example/ivr"
        for inside, reason in (
            ("", "it does not say the host's role"),
            (
                "<d:Role>Aktiv</d:Role><d:State>Urlaub</d:State>",
                "its state is 'Urlaub', a word that the profile does not",
            ),
        ):
            result = f'<GetStateResult xmlns:d="{space}/data">{inside}</GetStateResult>'
            body = envelope(f'<GetStateResponse xmlns="{space}">{result}</GetStateResponse>')
            with pytest.raises(ExchangeFailed, match=f"the reply to GetState makes no sense: {reason}"):
                codec("wcf").decode_status("get_status", 200, XML, body)


class TestTolerated:
    """A server that is newer than its WSDL, or writes in its own way."""

    @pytest.mark.parametrize(
        "body",
        [
            heartbeat(FINE + "<Uptime>5</Uptime>"),
            heartbeat(
                "<Uptime>5</Uptime><Role>Active</Role><x:y xmlns:x='urn:x'><x:z/></x:y><Generation>7</Generation>"
            ),
            heartbeat('<Role since="now" xmlns:x="urn:x" x:y="z">Active</Role><Generation>7</Generation>'),
            heartbeat("<Role>Active<Why>so</Why></Role><Generation>7</Generation>"),
            GOOD.replace(b"<HeartbeatResponse", b'<HeartbeatResponse version="2"'),
            envelope(GOOD.decode().partition("Body>")[2].partition("</s:Body")[0], header="<a xmlns='urn:x'>b</a>"),
            b"\xef\xbb\xbf" + GOOD,
            b'<?xml version="1.0" encoding="utf-8"?>\r\n' + GOOD,
            ('<?xml version="1.0" encoding="utf-16"?>' + GOOD.decode()).encode("utf-16"),
            b"<!-- hello --><?php echo 1 ?>" + GOOD,
            heartbeat(" <Role><!-- a -->Active<!-- b --></Role>\n <Generation> +7 </Generation> "),
            heartbeat("<Role><![CDATA[Active]]></Role><Generation>0007</Generation>"),
        ],
        ids=range(12),
    )
    def test_accepted(self, body: bytes) -> None:
        """Added elements, attributes and headers, a byte order mark, comments and the other encoding change nothing."""
        assert answered(body) == Reply(Meaning.CONFIRMED, role=Role.ACTIVE, generation=7)

    @pytest.mark.parametrize(
        "media_type", ["text/xml", "TEXT/XML;charset=x", "application/soap+xml", "application/xml"]
    )
    def test_media_types(self, media_type: str) -> None:
        """Any Content-Type of SOAP or XML will do."""
        assert answered(GOOD, media_type=media_type).meaning is Meaning.CONFIRMED

    def test_within_trees(self) -> None:
        """What was added deep inside a type that contains itself is tolerated, too; what is wrong there is not."""
        for leaf, good in (("<Name>n</Name><New/>", True), ("<New/>", False)):
            inside = "<Node><Name>m</Name>" * 9 + f"<Node>{leaf}</Node>" + "</Node>" * 9
            tree = f"<Tree><Name>r</Name>{inside}</Tree>"
            body = envelope(f'<BeginAnswer xmlns="urn:site:shapes"><State>Busy</State>{tree}</BeginAnswer>')
            if good:
                assert answered(body, name="shapes").meaning is Meaning.CONFIRMED
            else:
                assert "Missing child" in refused(body, name="shapes") or "not expected" in refused(body, name="shapes")

    def test_derived_types(self) -> None:
        """A type that is derived from the WSDL's, known or not, is read as the WSDL's."""
        for kind, more in (("t:NamedParty", "<Name>n</Name>"), ("t:NamedParty", "<New/>"), ("t:VeryNew", "<New/>")):
            who = f'<Who x:type="{kind}" vip="true"><Number>1</Number>{more}</Who>'
            spaces = (
                'xmlns="urn:site:shapes" xmlns:t="urn:site:shapes" xmlns:x="http://www.w3.org/2001/XMLSchema-instance"'
            )
            body = envelope(f"<BeginAnswer {spaces}><State>Busy</State>{who}</BeginAnswer>")
            assert answered(body, name="shapes").meaning is Meaning.CONFIRMED

    def test_open(self) -> None:
        """Where the WSDL says that anything may follow, anything may, also beside what was added elsewhere."""
        other = '<a xmlns="urn:other" b="c"><d/></a>'
        for added in ("", "<Who><Number>1</Number><New/></Who>"):
            inside = f"<State>Busy</State>{added}{other * 3}"
            body = envelope(f'<BeginAnswer xmlns="urn:site:shapes">{inside}</BeginAnswer>')
            assert answered(body, name="shapes").meaning is Meaning.CONFIRMED

    def test_faults(self) -> None:
        """What was added to a fault's detail is tolerated; a detail that is not as its WSDL says is no fault."""
        assert (
            answered(envelope(CONNECTOR_FAULT.replace("<Code>", "<New/><Code>")), 500).meaning
            is Meaning.UNKNOWN_CHANNEL
        )
        wrong = CONNECTOR_FAULT.replace("UnknownChannel", "NewKind")
        assert refused(envelope(wrong), 500).startswith(
            "Heartbeat got a fault whose detail is not as its WSDL says: Element 'Code': The value 'NewKind' is not an"
        )
        undeclared = CONNECTOR_FAULT.replace("ConnectorFault", "OtherFault")
        assert answered(envelope(undeclared), 500) == Reply(Meaning.RETRY, "no", placed=False)


class TestNothingIsRead:
    """References in an answer lead nowhere."""

    @contextmanager
    def trap(self, folder: Path) -> Iterator[tuple[str, str]]:
        """A file and a URL whose use would be noticed: the file is a pipe that would be emptied."""
        pipe = folder / "pipe"
        os.mkfifo(pipe)
        content = b'<!ENTITY x "Active">'
        reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        os.write(reader, content)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            yield pipe.as_uri(), f"http://127.0.0.1:{listening.getsockname()[1]}/x.dtd"
            with pytest.raises(BlockingIOError):
                listening.accept()
        assert os.read(reader, 1000) == content
        os.close(reader)

    @pytest.mark.parametrize(
        "document",
        [
            '<!DOCTYPE a [<!ENTITY x SYSTEM "{}">]><a>&x;</a>',
            '<!DOCTYPE a [<!ENTITY x SYSTEM "{}">]><a b="&x;"/>',
            '<!DOCTYPE a [<!ENTITY % x SYSTEM "{}"> %x;]><a/>',
            '<!DOCTYPE a [<!ENTITY % x PUBLIC "x" "{}"> %x;]><a/>',
            '<!DOCTYPE a SYSTEM "{}"><a>&x;</a>',
            '<!DOCTYPE a SYSTEM "{}"><a/>',
            '<!DOCTYPE a PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "{}"><a/>',
            '<!DOCTYPE a [<!NOTATION n SYSTEM "{}"><!ENTITY x SYSTEM "{}" NDATA n>]><a b="x"/>',
            '<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{}"/></a>',
            '<?xml-stylesheet href="{}"?><a/>',
            '<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="urn:x {}"/>',
        ],
    )
    def test_references(self, document: str, tmp_path: Path) -> None:
        """No file is opened and nobody is dialled for a DTD, an entity, an inclusion, a stylesheet or a schema."""
        with self.trap(tmp_path) as references:
            for reference in references:
                whole = document.replace("{}", reference)
                refused(whole.encode())
                refused(('<?xml version="1.0" encoding="utf-16"?>' + whole).encode("utf-16"))

    def test_schema_location(self, tmp_path: Path) -> None:
        """Nor where the reference stands in a reply that is as it should be."""
        instance = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="urn:x {}"'
        with self.trap(tmp_path) as references:
            for reference in references:
                where = f"<HeartbeatResponse {instance.format(reference)}".encode()
                assert answered(GOOD.replace(b"<HeartbeatResponse", where)).meaning is Meaning.CONFIRMED


class TestAnything:
    """Random and mutated answers never raise anything else."""

    def decode(self, body: bytes, status: int = 200, media_type: str | None = XML) -> None:
        """Read it as an answer to everything."""
        for name in ("reference", "wcf", "soap12"):
            for duty in profile(name).mapped:
                reason = self.reason(name, duty, status, media_type, body)
                assert reason is None or (reason and reason.isprintable())

    def reason(self, name: str, duty: str, status: int, media_type: str | None, body: bytes) -> str | None:
        """Why it is no answer to a duty of a profile; None if it is one."""
        try:
            if duty in ("get_status", "watch_status"):
                codec(name).decode_status(duty, status, media_type, body)
            else:
                codec(name).decode(sample_request(profile(name), duty), status, media_type, body)
        except ExchangeFailed as failure:
            return failure.reason
        return None

    @given(body=st.binary(max_size=300), status=st.integers(0, 999), media_type=st.none() | st.text(max_size=20))
    def test_bytes(self, body: bytes, status: int, media_type: str | None) -> None:
        """Any bytes with any status and type."""
        self.decode(body, status, media_type)
        self.decode(body)

    @given(data=st.data())
    def test_mutated(self, data: st.DataObject) -> None:
        """Real answers in which something was cut out, doubled, exchanged or put in."""
        body = data.draw(st.sampled_from(REAL))
        for _ in range(data.draw(st.integers(1, 3))):
            start = data.draw(st.integers(0, len(body)))
            end = data.draw(st.integers(start, min(len(body), start + 60)))
            body = body[:start] + data.draw(st.sampled_from(PIECES) | st.binary(max_size=4)) + body[end:]
        self.decode(body, data.draw(st.sampled_from([200, 500])))

    @given(data=st.data())
    def test_exchanged_texts(self, data: st.DataObject) -> None:
        """Real answers in which texts and names were exchanged: well-formed, and wrong."""
        words = st.sampled_from(WORDS)
        body = data.draw(st.sampled_from(REAL)).decode()
        for _ in range(data.draw(st.integers(1, 4))):
            body = body.replace(data.draw(words), data.draw(words | st.text(max_size=5)))
        self.decode(body.encode(errors="replace"), data.draw(st.sampled_from([200, 500])))


CONNECTOR_FAULT = (
    "<s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring><detail>"
    f'<ConnectorFault xmlns="{SPACE}"><Code>UnknownChannel</Code><Message>m</Message>'
    "<Channel>a</Channel><Channel>b</Channel></ConnectorFault></detail></s:Fault>"
)
REAL = [
    GOOD,
    envelope(CONNECTOR_FAULT),
    heartbeat("<State>Wrapup</State><Duplicate>1</Duplicate>", name="NewCallResponse"),
    heartbeat(
        "<SessionId>s</SessionId><ServerName>ce1</ServerName><Generation>7</Generation><SessionTimeout>PT5S</SessionTimeout>"
        "<ChannelReport><Channel>c</Channel><State>Busy</State><CallId>n</CallId></ChannelReport>",
        name="OpenSessionResponse",
    ),
    envelope(
        '<RegisterResponse xmlns="http://site.example/ivr"><RegisterResult xmlns:d="http://site.example/ivr/data">'
        "<d:Lines><d:LineReport><d:Line>c</d:Line><d:State>Frei</d:State></d:LineReport></d:Lines>"
        "<d:Ticket>0f2a6e0c-5f0e-4b0e-9d5a-1f6f3c1d7a10</d:Ticket><d:Timeout>PT5S</d:Timeout>"
        "</RegisterResult></RegisterResponse>"
    ),
    envelope(
        '<GetStateResponse xmlns="http://site.example/ivr"><GetStateResult xmlns:d="http://site.example/ivr/data">'
        "<d:Host>ce1</d:Host><d:Role>Aktiv</d:Role><d:State>Normal</d:State></GetStateResult></GetStateResponse>"
    ),
    envelope(
        '<CallBeginsAnswer xmlns="urn:site:connector"><Taken xmlns="">1</Taken></CallBeginsAnswer>', SoapVersion.SOAP_12
    ),
]
WORDS = [
    "<",
    ">",
    "/",
    "s:",
    "d:",
    "xmlns",
    "Busy",
    "Active",
    "Aktiv",
    "State",
    "Generation",
    "7",
    "PT5S",
    "1",
    "c",
    ":",
    " ",
]
PIECES = [
    b"<a/>",
    b"<!DOCTYPE a>",
    b"&x;",
    b'xsi:nil="true"',
    b"]]>",
    b"<!--",
    b"xmlns=''",
    b"P99999999999999999999D",
    b"\x00",
    b"\xff\xfe",
    b"<s:Fault>",
    b"9" * 400,
    b" ",
    b"\n",
]


class TestHugeValues:
    """Texts in which a number, a length of time or a name is too long to be one."""

    @pytest.mark.parametrize("timeout", ["PT0S", "-PT5S", "P" + "9" * 400 + "D", "PT" + "9" * 30 + "S", "P1Y", "P"])
    def test_duration(self, timeout: str) -> None:
        """A length of time beyond all bounds, or none at all, makes no sense."""
        with pytest.raises(ExchangeFailed, match="imeout"):
            self.timeout(timeout)

    def test_longest_duration(self) -> None:
        """The longest of the schema is one."""
        assert self.timeout("P10675199D") == 10675199 * 86400

    def timeout(self, text: str) -> float | None:
        """What a sign-on's reply says of the session's end."""
        inside = f"<d:Ticket>0f2a6e0c-5f0e-4b0e-9d5a-1f6f3c1d7a10</d:Ticket><d:Timeout>{text}</d:Timeout>"
        result = f'<RegisterResult xmlns:d="http://site.example/ivr/data">{inside}</RegisterResult>'
        body = envelope(f'<RegisterResponse xmlns="http://site.example/ivr">{result}</RegisterResponse>')
        return codec("wcf").decode(sample_request(profile("wcf"), "open_session"), 200, XML, body).session_timeout

    def test_token(self) -> None:
        """A token of kilobytes is none."""
        body = envelope(f'<Ticket xmlns="urn:site:bare">{"x" * 100_000}</Ticket>')
        assert refused(body, name="bare") == "the reply to Begin makes no sense: its call_token has 100000 characters"

    def test_names_in_faults(self) -> None:
        """Nor are names in a fault's detail."""
        lines = f"<d:Lines><d:LineReport><d:Line>{'x' * 10_000}</d:Line></d:LineReport></d:Lines>"
        detail = f'<detail><d:Problem xmlns:d="http://site.example/ivr/data">{lines}</d:Problem></detail>'
        body = envelope(f"<s:Fault><faultcode>a</faultcode><faultstring>b</faultstring>{detail}</s:Fault>")
        with pytest.raises(ExchangeFailed, match="its channel has 10000 characters"):
            codec("wcf").decode(Heartbeat("s"), 500, XML, body)
