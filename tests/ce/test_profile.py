"""What profile.md promises, sentence by sentence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from agentchan.ce.credentials import Authentication
from agentchan.ce.errors import CannotEncode, ExchangeFailed
from agentchan.ce.profile import SHIPPED, Profile, folder_of, shipped
from agentchan.ce.profile_loader import load_profile
from agentchan.ce.profile_reading import ProfileError
from agentchan.ce.samples import sample_request
from agentchan.ce.soap import Codec
from agentchan.ce.wsdl import SoapVersion
from agentchan.vocabulary import (
    ChannelReport,
    ChannelState,
    CloseSession,
    DomainState,
    Gone,
    Heartbeat,
    Meaning,
    NewCall,
    OpenSession,
    ReadinessChange,
    Reply,
    Role,
    SetReadiness,
)
from tests.ce.wsdls import ALL, FOLDER, URL, codec, envelope, profile, read_by_zeep

AT = datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)
CALL = NewCall("sig", "ivr1", "ivr1-001", "call-1", AT, "+49", "+36")
GONE = Gone("sig", "ivr1", "ivr1-001", "call-1", AT, "completed", call_token="token-1")
XML = "text/xml"

WSDL = """<wsdl:definitions targetNamespace="urn:s" xmlns:tns="urn:s" xmlns:xs="http://www.w3.org/2001/XMLSchema"
 xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"><wsdl:types>
<xs:schema targetNamespace="urn:s" elementFormDefault="qualified">
<xs:element name="All"><xs:complexType><xs:sequence>
<xs:element name="A" type="xs:string" minOccurs="0"/><xs:element name="B" type="xs:string" minOccurs="0"/>
<xs:element name="Item" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>
<xs:element name="Name" type="xs:string"/><xs:element name="More" type="xs:string" minOccurs="0"/></xs:sequence>
<xs:attribute name="key" type="xs:string"/></xs:complexType></xs:element>
<xs:element name="Text" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
</xs:sequence></xs:complexType></xs:element>
<xs:element name="Strict"><xs:complexType><xs:sequence><xs:element name="Must" type="xs:string"/>
<xs:element name="When" type="xs:dateTime" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
<xs:element name="Answer"><xs:complexType><xs:sequence><xs:element name="R" type="xs:string" minOccurs="0"/>
<xs:element name="S" type="xs:string" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
</xs:schema></wsdl:types>
<wsdl:message name="All"><wsdl:part name="p" element="tns:All"/></wsdl:message>
<wsdl:message name="Strict"><wsdl:part name="p" element="tns:Strict"/></wsdl:message>
<wsdl:message name="Answer"><wsdl:part name="p" element="tns:Answer"/></wsdl:message>
<wsdl:portType name="P"><wsdl:operation name="All"><wsdl:input message="tns:All"/><wsdl:output message="tns:Answer"/>
</wsdl:operation><wsdl:operation name="Strict"><wsdl:input message="tns:Strict"/><wsdl:output message="tns:Answer"/>
</wsdl:operation></wsdl:portType>
<wsdl:binding name="B" type="tns:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
<wsdl:operation name="All"><soap:operation soapAction="all"/><wsdl:input><soap:body use="literal"/></wsdl:input>
<wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation><wsdl:operation name="Strict"><soap:operation
 soapAction="strict"/><wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/>
</wsdl:output></wsdl:operation></wsdl:binding>
<wsdl:service name="S"><wsdl:port name="S" binding="tns:B"><soap:address location="http://ce1/All"/></wsdl:port>
</wsdl:service></wsdl:definitions>"""
"""An operation that takes anything, one that is strict, and one answer for both."""

LEAST = {
    "new_call": 'operation = "All"\nparameters = { A = "{channel}" }',
    "gone": 'operation = "All"\nparameters = { A = "{channel}" }',
}


NEW_CALL = "ivr_connector.new_call.parameters"


class Site:
    """Makes profiles of the WSDL above."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "s.wsdl").write_text(WSDL)

    def load(self, soap: str = "", connector: str = "", component: str = "", **duties: str) -> Profile:
        """A profile with these duties; the two that must be there are filled in."""
        tables = "".join(f"[ivr_connector.{name}]\n{text}\n" for name, text in (LEAST | duties).items())
        text = f'name = "s"\n[soap]\n{soap}\n[ivr_connector]\nwsdl = "s.wsdl"\n{connector}\n{tables}{component}'
        (self.folder / "profile.toml").write_text(text)
        return load_profile(str(self.folder))

    def codec(self, **texts: str) -> Codec:
        """A codec of such a profile."""
        return Codec(
            self.load(**texts),
            ivr="ivr1",
            instance_id="host-a",
            channel_values={"ivr1-*": {"campaign": "billing", "line": "5"}},
            authentication=Authentication(),
        )

    def faults(self, **texts: str) -> list[str]:
        """What is wrong with such a profile, without the place of the file."""
        with pytest.raises(ProfileError) as caught:
            self.load(**texts)
        return [f"{fault.key}: {fault.wrong} ({fault.allowed})" for fault in caught.value.faults]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Profiles of the WSDL above."""
    return Site(tmp_path)


def inside(body: bytes) -> str:
    """What is in the element in the body, without its namespace."""
    return body.decode().partition('xmlns="urn:s">')[2].rpartition("</s:Body>")[0].rpartition("</")[0]


def answer(text: str = "", name: str = "Answer") -> bytes:
    """A good answer."""
    return envelope(f'<{name} xmlns="urn:s">{text}</{name}>')


def fault(code: str = "s:Server", text: str = "", detail: str = "") -> bytes:
    """A fault."""
    more = f"<detail>{detail}</detail>" if detail else ""
    return envelope(f"<s:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring>{more}</s:Fault>")


class TestFolder:
    """A profile is a folder."""

    def test_shipped(self) -> None:
        """Shipped are reference (the contract, all duties) and minimum (only NewCall and Gone)."""
        assert shipped() == ("minimum", "reference")
        assert profile("reference").duties == {
            "open_session",
            "set_readiness",
            "heartbeat",
            "new_call",
            "gone",
            "close_session",
            "get_status",
            "watch_status",
        }
        assert profile("minimum").duties == {"new_call", "gone"}

    def test_by_name_or_path(self, tmp_path: Path) -> None:
        """A shipped profile is loaded by its name, any other by the path of its folder."""
        assert folder_of("minimum") == SHIPPED / "minimum"
        assert folder_of("./minimum") == Path("minimum")
        with pytest.raises(ProfileError) as caught:
            load_profile("refrence")
        wanted = "is no shipped profile (minimum, reference, or the path of a folder with a / in it)"
        assert str(caught.value).endswith(f'profile "refrence": {wanted}')
        with pytest.raises(ProfileError, match=r"profile\.toml:0: file: does not exist"):
            load_profile(str(tmp_path))

    @pytest.mark.parametrize("name", ALL)
    def test_samples_load(self, name: str) -> None:
        """The shipped profiles and the made-up sites have no fault."""
        assert profile(name).name == name

    def test_defaults(self, site: Site) -> None:
        """What is not said has the default that profile.md shows."""
        made = site.load()
        assert (made.keep_alive, made.headers, made.addressing, made.password_digest) == (True, "", False, False)
        assert (made.probe, made.withholds_gone, made.gone_at_sign_on) == (None, False, False)
        assert (made.call_token_missing, made.component, made.soap_paths) == ("call-id", None, ("/All",))

    def test_said(self) -> None:
        """What is said, is so."""
        made = profile("soap12")
        assert (made.keep_alive, made.addressing, made.password_digest) == (False, True, True)
        assert (made.withholds_gone, made.gone_at_sign_on) == (True, True)
        assert made.soap_paths == ("/Legacy/IVR", "/connector.asmx")
        assert profile("minimum").probe == "tcp"


class TestTemplates:
    """``[….parameters]``: the path of a parameter, and what it is."""

    @pytest.mark.parametrize(
        ("duty", "field", "value"),
        [
            ("new_call", "ivr", "ivr1"),
            ("new_call", "instance_id", "host-a"),
            ("new_call", "channel", "ivr1-001"),
            ("new_call", "channel.campaign", "billing"),
            ("new_call", "call_id", "call-1"),
            ("new_call", "signal_id", "sig"),
            ("new_call", "caller", "+49"),
            ("new_call", "called", "+36"),
            ("new_call", "started_at", "2026-11-24T10:15:30.000Z"),
            ("gone", "ivr", "ivr1"),
            ("gone", "channel", "ivr1-001"),
            ("gone", "call_id", "call-1"),
            ("gone", "signal_id", "sig"),
            ("gone", "ended_at", "2026-11-24T10:15:30.000Z"),
            ("gone", "outcome", "completed"),
            ("gone", "instance_id", "host-a"),
        ],
    )
    def test_fields(self, site: Site, duty: str, field: str, value: str) -> None:
        """A template may have every field of profile.md that its duty has, with text around it."""
        parameters = f'parameters = {{ A = "{{channel}}", B = "<{{{field}}}>" }}'
        made = site.codec(**{duty: f'operation = "All"\n{parameters}'})
        body = made.encode(CALL if duty == "new_call" else GONE, URL).body
        assert inside(body) == f"<A>ivr1-001</A><B>&lt;{value}&gt;</B>"

    def test_call_token(self, site: Site) -> None:
        """A result of NewCall's reply is offered to the call's Gone as {call_token}."""
        new_call = LEAST["new_call"] + '\nresults = { R = "call_token" }'
        made = site.codec(new_call=new_call, gone='operation = "All"\nparameters = { A = "{call_token}" }')
        assert made.decode(CALL, 200, XML, answer("<R>token  1 </R>")).call_token == "token  1 "
        assert inside(made.encode(GONE, URL).body) == "<A>token-1</A>"

    @pytest.mark.parametrize(
        ("request_", "duty"), [(Heartbeat("s-1"), "heartbeat"), (CloseSession("s-1"), "close_session")]
    )
    def test_session_id(self, site: Site, request_: Heartbeat | CloseSession, duty: str) -> None:
        """{session_id} is what the sign-on's reply gave; call signals name the present one."""
        open_session = 'operation = "All"\nresults = { R = "session_id" }'
        uses = 'operation = "All"\nparameters = { A = "{session_id}", B = "{channel}" }'
        made = site.codec(open_session=open_session, new_call=uses, **{duty: uses.replace(', B = "{channel}"', "")})
        assert inside(made.encode(request_, URL).body) == "<A>s-1</A>"
        made.session_id = "s-2"
        assert inside(made.encode(CALL, URL).body) == "<A>s-2</A><B>ivr1-001</B>"

    def test_reason(self, site: Site) -> None:
        """{reason} is the operator's, of a channel or of a sign-off; left out where there is none."""
        made = site.codec(
            close_session='operation = "All"\nparameters = { A = "{reason}" }',
            set_readiness='operation = "All"\nparameters = { A = "{channel}={ready}", B = "{reason}" }',
        )
        assert inside(made.encode(CloseSession("s", "stopping"), URL).body) == "<A>stopping</A>"
        assert made.encode(CloseSession("s", None), URL).body.endswith(
            b'<All xmlns="urn:s"></All></s:Body></s:Envelope>'
        )
        change = ReadinessChange("c", ready=False, reason="lunch")
        assert inside(made.encode(SetReadiness("s", (change,)), URL).body) == "<A>c=false</A><B>lunch</B>"

    @pytest.mark.usefixtures("local_zone")
    @pytest.mark.parametrize(
        ("zone", "written"),
        [
            ("UTC", "24.11. 10:15 +0000"),
            ("Europe/Berlin", "24.11. 11:15 +0100"),
            ("local", "24.11. 05:15 -0500"),
            (None, "24.11. 05:15 -0500"),
        ],
    )
    def test_forms(self, site: Site, zone: str | None, written: str) -> None:
        """A time with a form is written in the profile's zone, else in this machine's; without a form in UTC."""
        form = 'operation = "All"\nparameters = { A = "{channel}", B = "{started_at:%d.%m. %H:%M %z}" }'
        made = site.codec(new_call=form, soap="" if zone is None else f'time_zone = "{zone}"')
        at = AT.astimezone(timezone(timedelta(hours=9)))
        call = NewCall("s", "i", "c", "n", at)
        assert inside(made.encode(call, URL).body) == f"<A>c</A><B>{written}</B>"

    @pytest.fixture
    def local_zone(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Another zone for this machine."""
        monkeypatch.setenv("TZ", "EST5")
        time.tzset()
        yield
        monkeypatch.undo()
        time.tzset()

    def test_channel_values(self) -> None:
        """{channel.KEY} is of the last pattern in [ivr.channel_values] that fits; other values after a reload."""
        made = codec("minimum", **{"ivr1-*": {"campaign": "a"}, "*-002": {"campaign": "b"}, "other": {"campaign": "c"}})
        found = [
            read_by_zeep("minimum", "new_call", made.encode(NewCall("s", "i", each, "n", AT), URL).body)["Campaign"]
            for each in ("ivr1-001", "ivr1-002", "x-002", "x")
        ]
        assert found == ["a", "b", "b", None]
        made.use_channel_values({"x": {"campaign": "new"}})
        body = made.encode(NewCall("s", "i", "x", "n", AT), URL).body
        assert read_by_zeep("minimum", "new_call", body)["Campaign"] == "new"

    def test_keys(self, site: Site) -> None:
        """Which keys of [ivr.channel_values] a profile needs, and whether each channel must have one, can be asked."""
        strict = 'operation = "Strict"\nparameters = { Must = "{channel.line}" }'
        loose = 'operation = "All"\nparameters = { A = "{channel.campaign}{channel.line}", B = "{channel}" }'
        assert site.load(heartbeat="operation = 'All'", new_call=loose).channel_keys == {
            "campaign": False,
            "line": False,
        }
        made = site.load(
            new_call=strict.replace("channel.line", "channel"), gone=strict.replace("channel.line", "call_id")
        )
        assert made.channel_keys == {}

    @pytest.mark.parametrize(
        ("template", "needed"), [("{channel.line}", True), ("L-{channel.line}", True), ("{ivr}-{channel.line}", False)]
    )
    def test_needed_key(self, site: Site, template: str, needed: bool) -> None:
        """A required parameter needs the value that it would be empty without, whatever text stands around it."""
        strict = f"operation = 'Strict'\nparameters = {{ Must = '{template}', When = '{{call_id}}' }}"
        assert site.load(new_call=strict).channel_keys == {"line": needed}

    def test_empty_optional(self, site: Site) -> None:
        """An empty optional parameter is left out; one with a constant beside an empty field, too."""
        made = site.codec(new_call='operation = "All"\nparameters = { A = "{channel}", B = "from {caller}" }')
        assert inside(made.encode(NewCall("s", "i", "c", "n", AT), URL).body) == "<A>c</A>"

    def test_empty_required(self, site: Site) -> None:
        """A required one is there, empty."""
        made = site.codec(new_call='operation = "Strict"\nparameters = { Must = "{channel}{caller}" }')
        assert inside(made.encode(NewCall("s", "i", "", "n", AT), URL).body) == "<Must/>"

    def test_missing_required(self, site: Site) -> None:
        """A missing required one is a configuration fault."""
        assert site.faults(new_call='operation = "Strict"\nparameters = { When = "{started_at}" }') == [
            f'{NEW_CALL}: the required parameter "Must" is missing (a template or a constant)',
        ]

    def test_nothing_said(self, site: Site) -> None:
        """So is a signal of which CE could not know what it is about."""
        assert site.faults(new_call='operation = "All"\nparameters = { A = "{ivr}" }') == [
            f"{NEW_CALL}: use no {{call_id}} or {{channel}} (CE could not know what All is about)",
        ]

    def test_constants(self, site: Site) -> None:
        """A template without fields is a constant, always said; braces are doubled."""
        made = site.codec(new_call='operation = "All"\nparameters = { A = "{channel}", B = "{{v2}}" }')
        assert inside(made.encode(CALL, URL).body) == "<A>ivr1-001</A><B>{v2}</B>"


ITEM = """
Item = { each = "channel" }
"Item/Name" = "{channel}"
"Item/More" = "{channel.campaign}"
"Item/@key" = "{instance_id}"
"""
ITEMS = [("ivr1-001", "<More>billing</More>"), ("ivr1-002", "<More>billing</More>"), ("x", "")]


class TestEach:
    """Repeated elements are named by ``each`` on their path."""

    CHANNELS = OpenSession("ivr1", "host-a", ("ivr1-001", "ivr1-002", "x"))

    @pytest.mark.parametrize(
        ("parameters", "written"),
        [
            (
                'Text = { each = "channel" }',
                "<Text>ivr1-001</Text><Text>ivr1-002</Text><Text>x</Text>",
            ),
            (
                'Text = { each = "channel", value = "{ivr}/{channel}" }',
                "<Text>ivr1/ivr1-001</Text><Text>ivr1/ivr1-002</Text><Text>ivr1/x</Text>",
            ),
            (ITEM, "".join(f'<Item key="host-a"><Name>{name}</Name>{more}</Item>' for name, more in ITEMS)),
        ],
    )
    def test_channels(self, site: Site, parameters: str, written: str) -> None:
        """Of every channel of a sign-on, as a text or as elements and attributes."""
        made = site.codec(open_session=f'operation = "All"\n[ivr_connector.open_session.parameters]\n{parameters}')
        assert inside(made.encode(self.CHANNELS, URL).body) == written

    def test_changes(self, site: Site) -> None:
        """Of every change of readiness."""
        parameters = '"Item/Name" = "{channel}"\n"Item/More" = "{ready} {reason}"\nItem = { each = "change" }'
        text = f'operation = "All"\n[ivr_connector.set_readiness.parameters]\n{parameters}'
        made = site.codec(set_readiness=text)
        changes = (ReadinessChange("a", ready=True), ReadinessChange("b", ready=False, reason="lunch"))
        assert inside(made.encode(SetReadiness("s", changes), URL).body) == (
            "<Item><Name>a</Name><More>true </More></Item><Item><Name>b</Name><More>false lunch</More></Item>"
        )
        assert not site.load(set_readiness=text).one_change_at_a_time

    def test_one_change_at_a_time(self, site: Site) -> None:
        """A message with room for one channel says one change; several at once cannot be said."""
        made = site.codec(set_readiness='operation = "All"\nparameters = { A = "{channel}", B = "{ready}" }')
        assert profile("wcf").one_change_at_a_time
        changes = (ReadinessChange("a", ready=True), ReadinessChange("b", ready=False))
        assert inside(made.encode(SetReadiness("s", changes[:1]), URL).body) == "<A>a</A><B>true</B>"
        with pytest.raises(CannotEncode, match=r"has room for one channel, not for 2$"):
            made.encode(SetReadiness("s", changes), URL)

    def test_reports(self) -> None:
        """In a reply ``each`` names the reports of channels."""
        lines = "".join(
            f"<LineReport><Line>{each}</LineReport>" for each in ("a</Line><State>Frei</State>", "b</Line>")
        )
        inside = f"<Lines>{lines}</Lines><Ticket>0f2a6e0c-5f0e-4b0e-9d5a-1f6f3c1d7a10</Ticket>"
        inside = inside.replace("<", "<d:").replace("<d:/", "</d:")
        result = f'<RegisterResult xmlns:d="http://site.example/ivr/data">{inside}</RegisterResult>'
        body = envelope(f'<RegisterResponse xmlns="http://site.example/ivr">{result}</RegisterResponse>')
        reply = codec("wcf").decode(OpenSession("i", "a", ("a", "b")), 200, XML, body)
        assert reply.reports == (ChannelReport("a", ChannelState.READY), ChannelReport("b", ChannelState.UNKNOWN))
        nameless = body.replace(b"<d:Line>b</d:Line>", b"")
        with pytest.raises(ExchangeFailed, match="makes no sense: one of its reports names no channel"):
            codec("wcf").decode(OpenSession("i", "a", ("a", "b")), 200, XML, nameless)

    def test_one_report(self) -> None:
        """Where a message has room for one channel, so has its reply."""
        space = "http://site.example/ivr"
        for inside, reports in (
            ("<SetStateResult>Belegt</SetStateResult>", (ChannelReport("a", ChannelState.BUSY),)),
            ("", ()),
        ):
            body = envelope(f'<SetStateResponse xmlns="{space}">{inside}</SetStateResponse>')
            change = ReadinessChange("a", ready=True)
            assert codec("wcf").decode(SetReadiness("s", (change,)), 200, XML, body).reports == reports
            assert codec("wcf").decode(SetReadiness("s", (change, change)), 200, XML, body).reports == ()

    @pytest.mark.parametrize(
        ("duty", "parameters", "wrong"),
        [
            ("open_session", 'Text = { each = "change" }', 'Text.each: is "change" ("channel")'),
            ("set_readiness", 'Text = { each = "channel" }', 'Text.each: is "channel" ("change")'),
            ("open_session", "Text = { }", 'Text.each: is missing ("channel")'),
            ("open_session", 'A = { each = "channel" }', "A: may be there only once by the WSDL (a template)"),
            ("open_session", 'Text = { eech = "channel" }', 'Text.eech: is unknown (did you mean "each"?)'),
            (
                "heartbeat",
                'Text = { each = "channel" }',
                "Text: is a table, but nothing is repeated in heartbeat (a template)",
            ),
            ("open_session", 'A = "{channel}"', "A: {channel} is not known here (known here: instance_id, ivr)"),
            ("open_session", "A = 5", 'A: is the integer 5 (a template, or { each = "channel" })'),
            (
                "open_session",
                'Item = { each = "channel" }',
                ': the required parameter "Item/Name" is missing (a template or a constant)',
            ),
        ],
    )
    def test_wrong(self, site: Site, duty: str, parameters: str, wrong: str) -> None:
        """A wrong ``each`` is a configuration fault."""
        place = f"ivr_connector.{duty}.parameters" + ("" if wrong.startswith(":") else ".")
        assert place + wrong in site.faults(**{duty: f'operation = "All"\nparameters = {{ {parameters} }}'})


OUTCOMES = """
[[ivr_connector.new_call.outcomes]]
path = "R"
equals = "2"
means = "duplicate"
[[ivr_connector.new_call.outcomes]]
path = "R"
equals = ["2", "3"]
means = "refused"
[[ivr_connector.new_call.outcomes]]
path = "S"
means = "channel-held"
[[ivr_connector.new_call.outcomes]]
fault = "Client"
means = "unknown-ivr"
[[ivr_connector.new_call.outcomes]]
fault = "*NotActive*"
means = "not-active"
[[ivr_connector.new_call.outcomes]]
fault = "Problem"
path = "Problem/Code"
equals = "17"
means = "unknown-channel"
[[ivr_connector.new_call.outcomes]]
fault = "Problem"
path = "Problem/@kind"
means = "session-already-open"
[[ivr_connector.new_call.outcomes]]
fault = "Problem"
path = "Problem/Session"
means = "unknown-session"
[[ivr_connector.new_call.outcomes]]
fault = "out of ?ines"
means = "retry"
"""


class TestOutcomes:
    """``outcomes``: what an answer means."""

    @pytest.mark.parametrize(
        ("body", "meaning"),
        [
            (answer("<R>2</R>"), Meaning.DUPLICATE),
            (answer("<R>3</R>"), Meaning.REFUSED),
            (answer("<R> 3\n</R>"), Meaning.REFUSED),
            (answer("<S>any</S>"), Meaning.CHANNEL_HELD),
            (answer("<S/>"), Meaning.CHANNEL_HELD),
            (answer("<R>1</R>"), Meaning.CONFIRMED),
            (answer(), Meaning.CONFIRMED),
            (fault("s:Client"), Meaning.UNKNOWN_IVR),
            (fault("Client"), Meaning.UNKNOWN_IVR),
            (fault("s:Server", "the host is NotActive now"), Meaning.NOT_ACTIVE),
            (fault("x:HostNotActiveFault"), Meaning.NOT_ACTIVE),
            (fault(detail="<NotActive/>"), Meaning.NOT_ACTIVE),
            (fault(detail='<p:HostNotActive xmlns:p="urn:p"/>'), Meaning.NOT_ACTIVE),
            (fault(detail="<a><b>NotActive</b></a>"), Meaning.NOT_ACTIVE),
            (fault(detail="<Problem><Code>17</Code></Problem>"), Meaning.UNKNOWN_CHANNEL),
            (fault(detail='<p:Problem xmlns:p="urn:p"><p:Code>17</p:Code></p:Problem>'), Meaning.UNKNOWN_CHANNEL),
            (fault(detail='<Problem kind="x"><Code>18</Code></Problem>'), Meaning.SESSION_ALREADY_OPEN),
            (fault(detail="<Problem><Session/></Problem>"), Meaning.UNKNOWN_SESSION),
            (fault(text="out of lines"), Meaning.RETRY),
        ],
    )
    def test_meanings(self, site: Site, body: bytes, meaning: Meaning) -> None:
        """The first that matches counts: results by path; faults by code, text, or names and texts in the detail."""
        made = site.codec(new_call=LEAST["new_call"] + OUTCOMES)
        for status in (200, 500) if b"Fault" in body else (200,):
            reply = made.decode(CALL, status, XML, body)
            assert (reply.meaning, reply.placed) == (meaning, True)

    @pytest.mark.parametrize("body", [fault("s:Server", "no"), fault(detail="<Problem><Code>18</Code></Problem>")])
    def test_unplaced(self, site: Site, body: bytes) -> None:
        """A fault that no outcome matches is to be retried, and is known to be unplaced."""
        reply = site.codec(new_call=LEAST["new_call"] + OUTCOMES).decode(CALL, 500, XML, body)
        assert (reply.meaning, reply.placed) == (Meaning.RETRY, False)

    def test_shared(self) -> None:
        """Outcomes of the section are those of all its duties, behind their own."""
        detail = '<d:Problem xmlns:d="http://site.example/ivr/data"><d:Kind>Passiv</d:Kind></d:Problem>'
        for duty in ("heartbeat", "new_call", "open_session"):
            reply = codec("wcf").decode(sample_request(profile("wcf"), duty), 500, XML, fault(detail=detail))
            assert reply.meaning is Meaning.NOT_ACTIVE

    def test_fault_results(self) -> None:
        """What a fault's detail tells is told: channels, the call that is held, the active host."""
        space = "urn:agentchan:contract:ivr-connector:1"
        code = "<Code>UnknownChannel</Code><Message>two</Message><ActiveServer>ce2</ActiveServer>"
        more = "<Channel>a</Channel><Channel>b</Channel><CallId>n</CallId><New/>"
        detail = f'<ConnectorFault xmlns="{space}">{code}{more}</ConnectorFault>'
        reply = codec("reference").decode(CALL, 500, XML, fault("s:Client", " no\nsuch\tchannel ", detail))
        assert reply == Reply(
            Meaning.UNKNOWN_CHANNEL, "no such channel", active_server="ce2", channels=("a", "b"), call_id="n"
        )

    @pytest.mark.parametrize("meaning", list(Meaning))
    def test_words(self, site: Site, meaning: Meaning) -> None:
        """Every word of profile.md may be meant."""
        outcome = f'\n[[ivr_connector.new_call.outcomes]]\npath = "R"\nmeans = "{meaning.value}"'
        made = site.codec(new_call=LEAST["new_call"] + outcome)
        assert made.decode(CALL, 200, XML, answer("<R>x</R>")).meaning is meaning

    def test_soap_12(self) -> None:
        """Codes and subcodes, reasons and details of SOAP 1.2 are looked at alike."""
        reason = '<s:Reason><s:Text xml:lang="en">no</s:Text></s:Reason>'
        for inner in (
            f"<s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>x:NotActive</s:Value></s:Subcode></s:Code>{reason}",
            f"<s:Code><s:Value>s:Receiver</s:Value></s:Code>{reason}<s:Detail><NotActive/></s:Detail>",
        ):
            body = envelope(f"<s:Fault>{inner}</s:Fault>", SoapVersion.SOAP_12)
            for status in (200, 400, 500):
                reply = codec("soap12").decode(CALL, status, "application/soap+xml", body)
                assert reply == Reply(Meaning.NOT_ACTIVE, "no")

    def test_held_call(self) -> None:
        """Whether CE can say that a channel holds another call, and which, is known of a profile."""
        assert [profile(name).tells_held_call for name in ALL] == [name == "reference" for name in ALL]


class TestCallToken:
    """``call_token_missing``: NewCall's reply was lost."""

    LOST = Gone("sig", "ivr1", "ivr1-001", "call-1", AT)
    NEW_CALL = LEAST["new_call"] + '\nresults = { R = "call_token" }'

    def gone(self, missing: str) -> str:
        """A Gone that needs a token."""
        parameters = 'parameters = { A = "{call_token}", B = "{call_id}" }'
        return f'operation = "All"\ncall_token_missing = "{missing}"\n{parameters}'

    def test_call_id(self, site: Site) -> None:
        """The call's id is used instead."""
        made = site.codec(new_call=self.NEW_CALL, gone=self.gone("call-id"))
        assert inside(made.encode(self.LOST, URL).body) == "<A>call-1</A><B>call-1</B>"
        assert inside(made.encode(GONE, URL).body) == "<A>token-1</A><B>call-1</B>"

    def test_empty(self, site: Site) -> None:
        """Or it is left out."""
        made = site.codec(new_call=self.NEW_CALL, gone=self.gone("empty"))
        assert inside(made.encode(self.LOST, URL).body) == "<B>call-1</B>"

    def test_refuse(self, site: Site) -> None:
        """Or the Gone cannot be said; one that needs no token can."""
        made = site.codec(new_call=self.NEW_CALL, gone=self.gone("refuse"))
        with pytest.raises(CannotEncode, match="reply to the NewCall was lost"):
            made.encode(self.LOST, URL)
        made = site.codec(gone=LEAST["gone"] + '\ncall_token_missing = "refuse"')
        assert inside(made.encode(self.LOST, URL).body) == "<A>ivr1-001</A>"

    def test_no_giver(self, site: Site) -> None:
        """A token that no reply gives is a configuration fault."""
        (fault,) = site.faults(gone=self.gone("empty"))
        assert fault == (
            "ivr_connector.gone.parameters: use {call_token}, which no result of new_call gives"
            ' (map it in new_call.results: "…" = "call_token")'
        )


COMPONENT = '[component_service]\nwsdl = "s.wsdl"\n'


class TestComponentService:
    """``[component_service]``: who is active."""

    def status(self, text: str, values: str = "") -> str:
        """A get_status with these results."""
        return f'{COMPONENT}[component_service.get_status]\noperation = "All"\nresults = {{ {text} }}\n{values}'

    def test_missing(self) -> None:
        """It may be missing."""
        assert profile("minimum").component is None

    def test_words(self, site: Site) -> None:
        """The site's words are ours; without a generation the daemon counts changes itself."""
        values = '[component_service.get_status.values.role]\nAktiv = "Active"\n'
        made = site.codec(component=self.status('R = "role", S = "state"', values))
        status = made.decode_status("get_status", 200, XML, answer("<R>Aktiv</R><S>FailingOver</S>"))
        assert (status.role, status.state, status.generation) == (Role.ACTIVE, DomainState.FAILING_OVER, None)
        assert made.decode_status("get_status", 200, XML, answer("<R>Standby</R>")).role is Role.STANDBY

    @pytest.mark.parametrize(("text", "generation"), [("7", 7), ("+7", 7), ("0", 0), (str(2**64 - 1), 2**64 - 1)])
    def test_generation(self, site: Site, text: str, generation: int) -> None:
        """A generation is a whole number."""
        made = site.codec(component=self.status('R = "role", S = "generation"'))
        status = made.decode_status("get_status", 200, XML, answer(f"<R>Active</R><S>{text}</S>"))
        assert status.generation == generation

    @pytest.mark.parametrize("text", ["-1", "7.0", "\u0667", "1_0", "x", str(2**64), "9" * 30])
    def test_no_generation(self, site: Site, text: str) -> None:
        """Anything else is none, whatever Python makes of it."""
        made = site.codec(component=self.status('R = "role", S = "generation"'))
        with pytest.raises(ExchangeFailed, match="makes no sense: its generation is"):
            made.decode_status("get_status", 200, XML, answer(f"<R>Active</R><S>{text}</S>"))

    @pytest.mark.parametrize(
        ("text", "since"),
        [
            ("2026-11-24T10:15:30Z", AT),
            ("2026-11-24T11:15:30.0000000+01:00", AT),
            ("2026-11-24T10:15:30", None),
            ("2026-11-24T24:00:00Z", None),
            ("yesterday", None),
        ],
    )
    def test_since(self, site: Site, text: str, since: datetime | None) -> None:
        """A time that nobody can place is left out; it is for people only."""
        made = site.codec(component=self.status('R = "role", S = "since"'))
        assert made.decode_status("get_status", 200, XML, answer(f"<R>Active</R><S>{text}</S>")).since == since

    def test_watch(self, site: Site) -> None:
        """What watch_status does not say itself, get_status says for it: results and words, in both directions."""
        values = '[component_service.get_status.values.role]\nAktiv = "Active"\nPassiv = "Standby"\n'
        watch = '[component_service.watch_status]\noperation = "All"\n'
        watch += 'parameters = { A = "{known_role}", B = "{max_wait}" }\n'
        made = site.codec(component=self.status('R = "role"', values) + watch)
        assert inside(made.encode_watch_status(None, 0.25, URL).body) == "<A>Passiv</A><B>0.25</B>"
        assert made.decode_status("watch_status", 200, XML, answer("<R>Aktiv</R>")).role is Role.ACTIVE

    def test_watch_alone(self, site: Site) -> None:
        """watch_status may be alone, with results of its own."""
        watch = '[component_service.watch_status]\noperation = "All"\nresults = { R = "role" }\n'
        made = site.codec(component=COMPONENT + watch)
        assert made.decode_status("watch_status", 200, XML, answer("<R>Active</R>")).role is Role.ACTIVE

    def test_tells_nothing(self, site: Site) -> None:
        """One that does not say the role, or has no duty, is a configuration fault."""
        assert site.faults(component=COMPONENT) == [
            "component_service: has neither get_status nor watch_status (at least one of them)"
        ]
        assert site.faults(component=self.status('R = "server_name"')) == [
            'component_service.get_status.results: name no role ("…" = "role": without it the answer says nothing)'
        ]


class TestNotMapped:
    """What is not mapped."""

    def test_signal_id(self, site: Site) -> None:
        """Whether CE can tell a signal that is sent again is known: by signal_id in both duties."""
        with_id = 'operation = "All"\nparameters = { A = "{channel}", B = "{signal_id}" }'
        assert site.load(new_call=with_id, gone=with_id).has_signal_id
        assert not site.load(new_call=with_id).has_signal_id
        assert not site.load(gone=with_id).has_signal_id

    def test_least(self, site: Site) -> None:
        """The least are new_call and gone."""
        (site.folder / "profile.toml").write_text('name = "s"\n[ivr_connector]\nwsdl = "s.wsdl"\n')
        with pytest.raises(ProfileError) as caught:
            load_profile(str(site.folder))
        assert [fault.key for fault in caught.value.faults] == ["ivr_connector.new_call", "ivr_connector.gone"]

    def test_readiness_of_signals(self) -> None:
        """The state that a NewCall's or Gone's answer tells is that channel's; Busy is with the call just told of."""
        space = "urn:agentchan:contract:ivr-connector:1"
        for duty, request, call_id in (("NewCall", CALL, "call-1"), ("Gone", GONE, None)):
            body = envelope(
                f'<{duty}Response xmlns="{space}"><State>Busy</State><Duplicate>0</Duplicate></{duty}Response>'
            )
            reply = codec("reference").decode(request, 200, XML, body)
            assert reply.reports == (ChannelReport("ivr1-001", ChannelState.BUSY, call_id),)

    def test_no_session(self, site: Site) -> None:
        """A sign-on's reply that should name a session and does not is a failed exchange."""
        made = site.codec(open_session='operation = "All"\nresults = { R = "session_id" }')
        request = OpenSession("i", "a", ("c",))
        assert made.decode(request, 200, XML, answer("<R>s-1</R>")).session_id == "s-1"
        with pytest.raises(ExchangeFailed, match="the reply to All makes no sense: it names no session"):
            made.decode(request, 200, XML, answer())
        made = site.codec(open_session='operation = "All"')
        assert made.decode(request, 200, XML, answer()).session_id is None

    def test_session_of_nobody(self, site: Site) -> None:
        """A session that no reply gives is a configuration fault of each duty that names it."""
        uses = 'operation = "All"\nparameters = { A = "{session_id}", B = "{channel}" }'
        assert [
            each.split(":")[0] for each in site.faults(new_call=uses, heartbeat=uses.replace(', B = "{channel}"', ""))
        ] == [
            "ivr_connector.new_call.parameters",
            "ivr_connector.heartbeat.parameters",
        ]


def test_carried(site: Site) -> None:
    """What an IVR gave that no template maps is put where the WSDL has it, and outweighs what the profile would say."""
    made = site.codec()
    parameters = '{"Text": "<Text xmlns=\\"urn:s\\">x</Text>", "Item": "<Item xmlns=\\"urn:s\\"><Name>n</Name></Item>"}'
    call = NewCall("s", "i", "c", "n", AT, parameters=parameters)
    assert inside(made.encode(call, URL).body) == (
        '<A>c</A><Item xmlns="urn:s"><Name>n</Name></Item><Text xmlns="urn:s">x</Text>'
    )
    call = NewCall("s", "i", "c", "n", AT, parameters='{"A": "<A xmlns=\\"urn:s\\">own</A>"}')
    assert inside(made.encode(call, URL).body) == '<A xmlns="urn:s">own</A>'


def test_not_mapped() -> None:
    """A duty that is not mapped cannot be asked for."""
    made: Any = codec("minimum")
    for ask in (
        lambda: made.encode(Heartbeat("s"), URL),
        lambda: made.encode_get_status(URL),
        lambda: made.decode_status("get_status", 200, XML, b""),
    ):
        with pytest.raises(KeyError):
            ask()


def test_folder_is_data() -> None:
    """The made-up sites are profiles, each in a folder of its own."""
    assert sorted(each.parent.name for each in FOLDER.glob("*/profile.toml")) == sorted(
        set(ALL) - {"reference", "minimum"}
    )
