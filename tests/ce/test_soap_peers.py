"""zeep as the other side: it reads what the codec writes, and writes what the codec reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentchan.ce.samples import sample_message, sample_request
from agentchan.vocabulary import (
    ChannelReport,
    ChannelState,
    DomainState,
    Gone,
    Heartbeat,
    Meaning,
    NewCall,
    OpenSession,
    Rank,
    ReadinessChange,
    Reply,
    Role,
    ServerStatus,
    SetReadiness,
)
from tests.ce.wsdls import ALL, URL, codec, profile, read_by_zeep, written_by_zeep

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STARTED = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
ENDED = datetime(2026, 11, 24, 10, 20, 30, tzinfo=UTC)
SESSION = "0f2a6e0c-5f0e-4b0e-9d5a-1f6f3c1d7a10"
SIGNAL = "7d0c1f7e-2a34-4a51-8f0b-6c9e5d1b2a03"

READ: dict[tuple[str, str], Any] = {
    ("reference", "open_session"): {"IvrName": "ivr1", "InstanceId": "host-a", "Channel": ["ivr1-001", "ivr1-002"]},
    ("reference", "set_readiness"): {
        "SessionId": SESSION,
        "Change": [
            {"Channel": "ivr1-001", "Ready": True, "Reason": "maintenance"},
            {"Channel": "ivr1-002", "Ready": False, "Reason": "maintenance"},
        ],
    },
    ("reference", "heartbeat"): SESSION,
    ("reference", "close_session"): {"SessionId": SESSION, "Reason": "maintenance"},
    ("reference", "new_call"): {
        "SignalId": SIGNAL,
        "IvrName": "ivr1",
        "Channel": "ivr1-001",
        "CallId": "call-4711",
        "StartedAt": STARTED,
        "Caller": "+4930123456",
        "Called": "+4940654321",
    },
    ("reference", "gone"): {
        "SignalId": SIGNAL,
        "IvrName": "ivr1",
        "Channel": "ivr1-001",
        "CallId": "call-4711",
        "EndedAt": ENDED,
        "Outcome": "completed",
    },
    ("reference", "get_status"): None,
    ("reference", "watch_status"): {
        "KnownRole": "Standby",
        "KnownGeneration": 0,
        "KnownState": "Running",
        "MaxWait": timedelta(seconds=1),
    },
    ("minimum", "new_call"): {
        "IVR": "ivr1",
        "ChannelName": "ivr1-001",
        "CallID": "call-4711",
        "StartTime": STARTED,
        "Campaign": "a campaign",
    },
    ("minimum", "gone"): {"ChannelName": "ivr1-001", "Token": "token-4711", "CallID": "call-4711"},
    ("bare", "new_call"): {"Channel": "ivr1-001", "id": "call-4711"},
    ("bare", "gone"): "token-4711",
    ("rpc", "new_call"): {
        "call": {"Channel": "ivr1-001", "Id": "call-4711", "Caller": "+4930123456"},
        "ivr": "ivr1",
    },
    ("rpc", "gone"): {"id": "call-4711", "token": "token-4711"},
    ("shapes", "new_call"): {
        "Channel": "ivr1-001",
        "CallId": "call-4711",
        "Priority": "high",
        "From": {"Number": "+4930123456", "vip": False},
        "To": {"Number": "+4940654321"},
        "Tags": {"Tag": ["a campaign"]},
        "Price": {"_value_1": Decimal(0), "currency": "EUR"},
        "Tree": {"Name": "a branch"},
        "version": 3,
        "mark": SIGNAL,
        "tag": "a tag",
    },
    ("shapes", "gone"): {"CallId": "call-4711", "Token": "token-4711"},
    ("soap12", "new_call"): {
        "Id": SIGNAL,
        "Port": "ivr1-001",
        "Campaign": "a campaign",
        "At": "24.11.2026 10:15:00",
        "Version": "2",
    },
    ("soap12", "gone"): {"Id": SIGNAL, "Port": "ivr1-001"},
    ("wcf", "open_session"): {
        "ivr": "ivr1",
        "lines": {"string": ["ivr1-001", "ivr1-002"]},
        "clientName": "host-a",
    },
    ("wcf", "set_readiness"): {"ticket": SESSION, "line": "ivr1-001", "available": 1, "why": "maintenance"},
    ("wcf", "heartbeat"): SESSION,
    ("wcf", "new_call"): {
        "Line": "ivr1-001",
        "Number": "+4930123456",
        "Reference": "ivr1:call-4711",
        "Started": STARTED,
    },
    ("wcf", "gone"): {"token": "token-4711", "ended": ENDED, "outcome": "completed"},
    ("wcf", "close_session"): SESSION,
    ("wcf", "get_status"): None,
    ("wcf", "watch_status"): {"knownRole": "Passiv", "maxWait": timedelta(seconds=1)},
}
"""What zeep finds in the sample message of each duty; a message with one parameter is that parameter."""


def without_nothing(value: Any) -> Any:
    """A value without what is None or empty, which is how zeep says that an element is not there."""
    if isinstance(value, dict):
        return {key: without_nothing(each) for key, each in value.items() if each not in (None, [], {})}
    return value


def every_duty() -> list[tuple[str, str]]:
    """Every duty of every profile."""
    return [(name, duty) for name in ALL for duty in profile(name).mapped]


class TestRequests:
    """What the codec writes."""

    @pytest.mark.parametrize(("name", "duty"), every_duty())
    def test_read_by_zeep(self, name: str, duty: str) -> None:
        """What zeep finds in every duty's message are the values that were put in, and no others."""
        message = sample_message(profile(name), duty).message
        assert without_nothing(read_by_zeep(name, duty, message.body)) == READ[name, duty]

    @pytest.mark.parametrize(("name", "duty"), every_duty())
    def test_valid(self, name: str, duty: str) -> None:
        """Every duty's message is valid by its WSDL's schema, but where a site's own value is no boolean."""
        problems = [each for each in sample_message(profile(name), duty).problems if "'a vip'" not in each]
        assert problems == []

    def test_every_sample_is_looked_at(self) -> None:
        """No duty is left out above."""
        assert set(every_duty()) == set(READ)


# Other spaces of Unicode are letters to XML, but not to zeep; test_soap.py sees to them.
letters = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Z"), exclude_characters="\ufffe\uffff")
tokens = st.text(letters, min_size=1, max_size=128)
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=60
) | st.sampled_from(["\t", "a\nb", "a\r\nb", " x ", "]]>", "<!-- -->", "&amp;", "&#0;", "{channel}", "<![CDATA["])
instants = st.integers(0, 10**13).map(lambda milliseconds: EPOCH + timedelta(milliseconds=milliseconds))


class TestValuesOut:
    """Any value at all arrives as it is."""

    @given(ivr=tokens, channel=tokens, call_id=tokens, caller=tokens | st.none(), at=instants)
    def test_new_call(self, ivr: str, channel: str, call_id: str, caller: str | None, at: datetime) -> None:
        """Whatever names and ids hold, zeep reads them as they were; times as the same instant."""
        request = NewCall("s", ivr, channel, call_id, at, caller)
        found = read_by_zeep("reference", "new_call", codec("reference").encode(request, URL).body)
        assert found == {
            "SignalId": "s",
            "IvrName": ivr,
            "Channel": channel,
            "CallId": call_id,
            "StartedAt": at,
            "Caller": caller,
            "Called": None,
        }

    @given(text=texts, mark=tokens)
    def test_strings_and_attributes(self, text: str, mark: str) -> None:
        """In an xs:string even white space arrives as it is; in an attribute every token does."""
        request = NewCall(mark, "ivr1", "c", "call", STARTED, text)
        found = read_by_zeep("shapes", "new_call", codec("shapes").encode(request, URL).body)
        assert (found["From"]["Number"] if found["From"] else None) == (text or None)
        assert found["mark"] == mark

    def test_longest(self) -> None:
        """Names and ids as long as the schema allows arrive."""
        request = Gone("s" * 200, "i" * 128, "ü" * 128, "𝄞" * 200, ENDED, "o" * 128)
        found = read_by_zeep("reference", "gone", codec("reference").encode(request, URL).body)
        assert found["CallId"] == "𝄞" * 200
        assert found["Channel"] == "ü" * 128

    def test_unfit(self) -> None:
        """A character that XML has not is replaced, not sent: the message stays readable."""
        request = Heartbeat("a\x00b\ud800c￾d")
        assert read_by_zeep("reference", "heartbeat", codec("reference").encode(request, URL).body) == "a�b�c�d"

    @given(offset=st.integers(-14 * 60, 14 * 60))
    def test_zones(self, offset: int) -> None:
        """A time arrives as the same instant, whatever its zone is."""
        at = STARTED.astimezone(timezone(timedelta(minutes=offset)))
        body = codec("reference").encode(NewCall("s", "i", "c", "n", at), URL).body
        assert read_by_zeep("reference", "new_call", body)["StartedAt"] == STARTED

    def test_five_thousand_channels(self) -> None:
        """All of 5,000 channels are signed on and made ready, in order."""
        names = tuple(f"ivr1-{number:04}" for number in range(5000))
        body = codec("reference").encode(OpenSession("ivr1", "a", names), URL).body
        assert read_by_zeep("reference", "open_session", body)["Channel"] == list(names)
        changes = tuple(ReadinessChange(name, ready=number % 2 == 0) for number, name in enumerate(names))
        body = codec("reference").encode(SetReadiness("s", changes), URL).body
        found = read_by_zeep("reference", "set_readiness", body)["Change"]
        assert [(each["Channel"], each["Ready"]) for each in found] == [(each.channel, each.ready) for each in changes]

    def test_optional_is_left_out(self) -> None:
        """An empty optional parameter is left out; so is an element that only held such."""
        body = codec("shapes", nobody={}).encode(NewCall("s", "ivr1", "c", "n", STARTED), URL).body
        for name in (b"<From", b"<Tags", b"<Tree", b"tag="):
            assert name not in body
        assert b'xsi:nil="true"' in body  # To must be there, and may be nil
        body = codec("reference").encode(NewCall("s", "ivr1", "c", "n", STARTED), URL).body
        assert b"Caller" not in body

    @pytest.mark.parametrize("ready", [True, False])
    def test_own_words(self, ready: bool) -> None:
        """Where the site has a word of its own for a value, that is said."""
        request = SetReadiness("0f2a6e0c-5f0e-4b0e-9d5a-1f6f3c1d7a10", (ReadinessChange("c", ready, None),))
        found = read_by_zeep("wcf", "set_readiness", codec("wcf").encode(request, URL).body)
        assert found["available"] == int(ready)
        gone = Gone("s", "ivr1", "c", "n", ENDED, "transferred", call_token="t")
        assert read_by_zeep("wcf", "gone", codec("wcf").encode(gone, URL).body)["outcome"] == "Transfer"
        status = ServerStatus(Role.ACTIVE)
        found = read_by_zeep("wcf", "watch_status", codec("wcf").encode_watch_status(status, 1.5, URL).body)
        assert found == {"knownRole": "Aktiv", "maxWait": timedelta(seconds=1.5)}


STATES = st.sampled_from([ChannelState.NOT_READY, ChannelState.READY, ChannelState.BUSY, ChannelState.WRAPUP])
reports = st.builds(ChannelReport, tokens, STATES, st.none() | tokens)


class TestReplies:
    """What zeep writes."""

    @settings(max_examples=50)
    @given(
        session=tokens,
        server=tokens,
        generation=st.integers(0, 2**64 - 1),
        seconds=st.integers(1, 10**6),
        listed=st.lists(reports, min_size=1, max_size=30),
    )
    def test_open_session(
        self, session: str, server: str, generation: int, seconds: int, listed: list[ChannelReport]
    ) -> None:
        """Every value of a sign-on's reply is found, each report in its place."""
        body = written_by_zeep(
            "reference",
            "open_session",
            SessionId=session,
            ServerName=server,
            Generation=generation,
            SessionTimeout=timedelta(seconds=seconds),
            ChannelReport=[
                {"Channel": each.channel, "State": each.state.value, "CallId": each.call_id} for each in listed
            ],
        )
        request = OpenSession("ivr1", "a", tuple(each.channel for each in listed))
        assert codec("reference").decode(request, 200, "text/xml; charset=utf-8", body) == Reply(
            Meaning.CONFIRMED,
            session_id=session,
            server_name=server,
            generation=generation,
            session_timeout=float(seconds),
            reports=tuple(listed),
        )

    @given(role=st.sampled_from([Role.ACTIVE, Role.STANDBY]), generation=st.integers(0, 2**64 - 1))
    def test_heartbeat(self, role: Role, generation: int) -> None:
        """A heartbeat's reply says the role and the generation."""
        body = written_by_zeep("reference", "heartbeat", Role=role.value, Generation=generation)
        reply = codec("reference").decode(Heartbeat("s"), 200, "text/xml", body)
        assert reply == Reply(Meaning.CONFIRMED, role=role, generation=generation)

    @given(state=STATES, duplicate=st.booleans())
    def test_call_signals(self, state: ChannelState, duplicate: bool) -> None:
        """A call signal's reply says whether it was seen before, and the channel's state."""
        body = written_by_zeep("reference", "new_call", State=state.value, Duplicate=duplicate)
        request = sample_request(profile("reference"), "new_call")
        reply = codec("reference").decode(request, 200, "text/xml", body)
        assert reply.meaning is (Meaning.DUPLICATE if duplicate else Meaning.CONFIRMED)
        (report,) = reply.reports
        assert report == ChannelReport("ivr1-001", state, "call-4711" if state.in_call else None)

    @settings(max_examples=50)
    @given(
        role=st.sampled_from(["Active", "Standby"]),
        rank=st.none() | st.sampled_from(["Primary", "Secondary"]),
        state=st.sampled_from([each.value for each in DomainState]),
        names=st.tuples(tokens, tokens, st.none() | tokens),
        since=instants,
    )
    def test_status(
        self, role: str, rank: str | None, state: str, names: tuple[str, str, str | None], since: datetime
    ) -> None:
        """Everything that a Component Service says is found."""
        domain, server, active = names
        status = {
            "Domain": domain,
            "ServerName": server,
            "Rank": rank,
            "Role": role,
            "State": state,
            "Generation": 7,
            "Since": since,
            "ConnectorUrl": "http://ce1.example/a?b=1&c=2",
            "ActiveServer": active,
        }
        expected = ServerStatus(
            Role(role),
            DomainState(state),
            domain=domain,
            server_name=server,
            rank=None if rank is None else Rank(rank),
            generation=7,
            since=since,
            connector_url="http://ce1.example/a?b=1&c=2",
            active_server=active,
        )
        for duty in ("get_status", "watch_status"):
            body = written_by_zeep("reference", duty, Status=status)
            assert codec("reference").decode_status(duty, 200, "text/xml", body) == expected

    def test_wcf(self) -> None:
        """A site's own words, over several namespaces, become ours; what is nil is not there."""
        body = written_by_zeep(
            "wcf",
            "open_session",
            RegisterResult={
                "Lines": {
                    "LineReport": [
                        {"Line": "c1", "State": "Frei"},
                        {"Line": "c2", "State": "Belegt", "Reference": "ivr1:n"},
                        {"Line": "c3", "State": "Nachbearbeitung", "Reference": None},
                    ]
                },
                "Ticket": SESSION,
                "Timeout": timedelta(seconds=30),
            },
        )
        reply = codec("wcf").decode(OpenSession("ivr1", "a", ("c1", "c2", "c3")), 200, "text/xml", body)
        assert reply.session_id == SESSION
        assert reply.session_timeout == 30.0
        assert reply.reports == (
            ChannelReport("c1", ChannelState.READY),
            ChannelReport("c2", ChannelState.BUSY, "ivr1:n"),
            ChannelReport("c3", ChannelState.WRAPUP),
        )
        body = written_by_zeep("wcf", "get_status", GetStateResult={"Host": "ce1", "Role": "Passiv", "State": "Normal"})
        status = codec("wcf").decode_status("get_status", 200, "text/xml", body)
        assert status == ServerStatus(Role.STANDBY, DomainState.RUNNING, server_name="ce1")

    @given(token=st.text(letters, max_size=40))
    def test_tokens(self, token: str) -> None:
        """A call token is kept as it is; an empty one is none. rpc, bare and SOAP 1.2 messages are read alike."""
        request = sample_request(profile("rpc"), "new_call")
        body = written_by_zeep("rpc", "new_call", {"Code": 2, "Token": token})
        # zeep names the wrapper after the message; WS-I (R2729) after the operation.
        body = body.replace(b":BeginOut", b":beginResponse")
        reply = codec("rpc").decode(request, 200, "text/xml", body)
        assert (reply.meaning, reply.call_token) == (Meaning.DUPLICATE, token or None)
        body = written_by_zeep("bare", "new_call", token)
        assert codec("bare").decode(request, 200, "text/xml", body).call_token == (token or None)

    def test_soap_12(self) -> None:
        """SOAP 1.2 is read as what it is."""
        request = sample_request(profile("soap12"), "new_call")
        for taken, meaning in ((True, Meaning.CONFIRMED), (False, Meaning.DUPLICATE)):
            body = written_by_zeep("soap12", "new_call", Taken=taken)
            assert codec("soap12").decode(request, 200, "application/soap+xml", body) == Reply(meaning)

    def test_attributes_and_trees(self) -> None:
        """Attributes are looked at, and what may hold itself is read over, however deep."""
        tree: dict[str, Any] = {"Name": "leaf"}
        for _ in range(30):
            tree = {"Name": "node", "Node": [tree, {"Name": "other"}]}
        body = written_by_zeep(
            "shapes",
            "new_call",
            State="Busy",
            Cost={"_value_1": "1.5", "currency": "EUR"},
            Tree=tree,
            Who={"Number": "1"},
            Token="t",
            took=0,
        )
        request = sample_request(profile("shapes"), "new_call")
        reply = codec("shapes").decode(request, 200, "text/xml", body)
        assert (reply.meaning, reply.call_token) == (Meaning.DUPLICATE, "t")
        body = written_by_zeep("shapes", "gone", result=7)
        gone = sample_request(profile("shapes"), "gone")
        assert codec("shapes").decode(gone, 200, "text/xml", body).meaning is Meaning.RETRY

    def test_five_thousand_channels(self) -> None:
        """A report of 5,000 channels is read in order."""
        listed = [{"Channel": f"c{number:04}", "State": "Ready", "CallId": None} for number in range(5000)]
        body = written_by_zeep("reference", "set_readiness", ChannelReport=listed)
        request = SetReadiness("s", tuple(ReadinessChange(str(each["Channel"]), ready=True) for each in listed))
        reply = codec("reference").decode(request, 200, "text/xml", body)
        assert [each.channel for each in reply.reports] == [each["Channel"] for each in listed]
