"""An unmodified zeep client at the SOAP door, against a real pair: a script only changes its URL (interfaces.md 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
from zeep.wsse.username import UsernameToken

from agentchan.lab.certificates import make_folder
from tests.end_to_end.daemons import Stage, staged
from tests.end_to_end.doors import Door, locked

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
NUMBERS = iter(range(1, 1000))
API = {"api": {"listen": "127.0.0.1:0"}, "signals": {"reply_timeout": "5s"}}

Connect = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates for the door."""
    return make_folder(tmp_path_factory.mktemp("certificates"), ("door",))


@pytest.fixture(scope="module")
def shared(place: Path, folder: Path) -> Iterator[Stage]:
    """A pair with three IVRs, and a daemon for each: plain, by TLS, and one that answers when CE has confirmed."""
    channels = dict.fromkeys(("plain", "secure", "waiting"), ("c{1..5}",))
    tls = {"api": {"certificate_file": str(folder / "door.pem"), "key_file": str(folder / "door.key")}}
    how: dict[str, Any] = {"plain": {}, "secure": tls, "waiting": {"api": {"soap_reply": "confirmed"}}}
    with staged(place, ivrs=channels) as stage:
        for name, tables in how.items():
            whole = {**API, **tables, "api": {**API["api"], **tables.get("api", {})}}
            stage.started(name, ivr=name, tables=whole)
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """The module's stage; each story leaves it as it was."""
    shared.rest()
    for daemon in shared.daemons.values():
        if not daemon.running:
            daemon.start()
        shared.wait_ready(daemon)
        daemon.begin_story()
    yield shared
    for daemon in shared.daemons.values():
        assert daemon.ask("calls")["calls"] == []
        shared.wait_ready(daemon)
        assert daemon.offences(("journal-failing", "journal")) == []
    assert shared.pair.violations(link_is_shared=True) == []
    assert shared.pair.stuck() == []


@pytest.fixture
def connect(stage: Stage, folder: Path) -> Iterator[Connect]:
    """Makes zeep clients of a daemon's door."""
    sessions: list[requests.Session] = []

    def client(name: str = "plain", **others: Any) -> Any:
        session = requests.Session()
        session.trust_env = False  # the environment may name another authority, which would count instead
        session.verify = str(folder / "ca.pem")
        sessions.append(session)
        door = Door.listen_of(stage.daemons[name], tls=name == "secure")
        host = door.url.replace("127.0.0.1", "localhost") if door.tls else door.url
        transport = zeep.Transport(session=session)
        return zeep.Client(f"{host}/IVRConnector?wsdl", transport=transport, **others).service

    yield client
    for session in sessions:
        session.close()


def call() -> dict[str, Any]:
    """The fields of a call that nobody has used."""
    number = next(NUMBERS)
    return {"Channel": "c1", "CallId": f"call-{number}"}


def ids() -> str:
    """A SignalId that nobody has used."""
    return f"script-{next(NUMBERS)}"


def rows(stage: Stage, call_id: str) -> list[tuple[str, str, bool]]:
    """Event, SignalId and whether it was a duplicate, of a call, by the pair's history."""
    return [
        (row["event"], row["signal_id"], row["duplicate"]) for row in stage.pair.history() if row["call_id"] == call_id
    ]


@pytest.mark.parametrize("name", ["plain", "secure", "waiting"])
def test_a_call(stage: Stage, connect: Connect, name: str) -> None:
    """Begin and end, over http and https: SignalIds are kept, and CE hears what the script said."""
    service, this, begin, end = connect(name), call(), ids(), ids()
    answer = service.NewCall(SignalId=begin, IvrName=name, **this, StartedAt=AT, Caller="+491")
    assert (answer.State, answer.Duplicate) == ("Busy", False)
    answer = service.NewCall(SignalId=begin, IvrName=name, **this, StartedAt=AT, Caller="+491")
    assert answer.Duplicate is True
    answer = service.Gone(SignalId=end, IvrName=name, **this, EndedAt=AT, Outcome="done")
    assert (answer.State, answer.Duplicate) == ("Ready", False)
    assert service.Gone(SignalId=end, IvrName=name, **this, EndedAt=AT, Outcome="done").Duplicate is True
    stage.wait_ready(stage.daemons[name])
    assert rows(stage, this["CallId"]) == [("new-call", begin, False), ("gone", end, False)]


def test_confirmed(stage: Stage, connect: Connect) -> None:
    """With ``soap_reply = "confirmed"`` the answer has CE's word, or says what it will be after reply_timeout."""
    service, this = connect("waiting"), call()
    service.NewCall(SignalId=ids(), IvrName="waiting", **this, StartedAt=AT)
    assert stage.pair.channels("waiting")["c1"]["call_id"] == this["CallId"]
    stage.pair.answer_wrongly("ce1", "invalid-request", operation="Gone", times=1)
    with pytest.raises(zeep.exceptions.Fault) as fault:
        service.Gone(SignalId=ids(), IvrName="waiting", **this, EndedAt=AT)
    assert code_of(fault.value) == "InvalidRequest"
    daemon = stage.daemons["waiting"]
    (refused,) = daemon.ask("signals", "list", "--fate", "refused")["signals"]
    daemon.type("signals", "retry", refused["signal_id"], "--reason", "test")


def code_of(fault: zeep.exceptions.Fault) -> str:
    """The code in the detail of a fault of the reference contract."""
    assert fault.detail is not None
    (code,) = fault.detail.xpath(".//*[local-name()='Code']")
    return str(code.text)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Channel": "nope"}, "UnknownChannel"),
        ({"IvrName": "other"}, "UnknownIvr"),
        ({"CallId": "x" * 201}, "InvalidRequest"),
    ],
)
def test_faults(connect: Connect, change: dict[str, str], code: str) -> None:
    """By the WSDL, so that zeep finds the detail; nothing is accepted."""
    service = connect()
    with pytest.raises(zeep.exceptions.Fault) as fault:
        service.NewCall(**{"SignalId": ids(), "IvrName": "plain", **call(), "StartedAt": AT, **change})
    assert code_of(fault.value) == code


def test_unavailable(stage: Stage, connect: Connect) -> None:
    """While the journal cannot be written: HTTP 500, Unavailable; then the same request is taken."""
    service, this, begin = connect(), call(), ids()
    daemon = stage.daemons["plain"]
    with locked(daemon):
        with pytest.raises(zeep.exceptions.Fault) as fault:
            service.NewCall(SignalId=begin, IvrName="plain", **this, StartedAt=AT)
        assert code_of(fault.value) == "Unavailable"
    daemon.wait_status(lambda status: status["journal"]["state"] == "ok", "the journal works again")
    answer = service.NewCall(SignalId=begin, IvrName="plain", **this, StartedAt=AT)
    assert answer.Duplicate is False
    service.Gone(SignalId=ids(), IvrName="plain", **this, EndedAt=AT)


def test_nobody_is_active(stage: Stage, connect: Connect) -> None:
    """The answer's state is foretold while CE has not answered."""
    service, this = connect(), call()
    stage.pair.demote()
    daemon = stage.daemons["plain"]
    daemon.wait_status(lambda status: status["ce"]["active"] is None, "nobody is active")
    assert service.NewCall(SignalId=ids(), IvrName="plain", **this, StartedAt=AT).State == "Busy"
    assert service.Gone(SignalId=ids(), IvrName="plain", **this, EndedAt=AT).State == "Ready"
    stage.pair.promote("ce1")
    stage.wait_ready(daemon)
    assert [event for event, _, _ in rows(stage, this["CallId"])] == ["new-call", "gone"]


def test_credentials_are_ignored(connect: Connect) -> None:
    """A script that proves itself to CE by WS-Security goes on doing so; the door asks for nothing of it."""
    service, this = connect(wsse=UsernameToken("ivr", "secret", use_digest=True)), call()
    assert service.NewCall(SignalId=ids(), IvrName="plain", **this, StartedAt=AT).State == "Busy"
    service.Gone(SignalId=ids(), IvrName="plain", **this, EndedAt=AT)


def test_nothing_secret_is_logged(stage: Stage, connect: Connect) -> None:
    """Neither a password of a script nor the number of a caller is in the daemon's log."""
    service, this = connect(wsse=UsernameToken("ivr", "very-secret-word")), call()
    service.NewCall(SignalId=ids(), IvrName="plain", **this, StartedAt=AT, Caller="+493012345678")
    service.Gone(SignalId=ids(), IvrName="plain", **this, EndedAt=AT)
    with pytest.raises(zeep.exceptions.Fault):
        service.NewCall(SignalId=ids(), IvrName="plain", Channel="nope", CallId="1", StartedAt=AT, Caller="+49302")
    text = stage.daemons["plain"].log.read_text()
    assert "very-secret-word" not in text
    assert "12345678" not in text


def test_what_the_daemon_does_itself(connect: Connect) -> None:
    """Sessions and readiness are not for scripts."""
    with pytest.raises(zeep.exceptions.Fault, match="the daemon does itself"):
        connect().Heartbeat(SessionId="1")


def test_a_request_that_is_long(stage: Stage) -> None:
    """It is read in a thread, and refused by what it is."""
    door = Door.listen_of(stage.daemons["plain"])
    answer = door.ask("POST", "/IVRConnector", b"<a>" + b" " * 500_000 + b"</a>", Content_Type="text/xml")
    assert answer.status == 500
    assert b"not a SOAP Envelope" in answer.body


def test_the_daemon_dies_between_accept_and_answer(stage: Stage, connect: Connect) -> None:
    """Killed while CE has not answered: what was accepted is sent after the restart, once."""
    service, this = connect(), call()
    daemon = stage.daemons["plain"]
    stage.pair.answer_wrongly("ce1", "hold", operation="NewCall", times=1)
    service.NewCall(SignalId=ids(), IvrName="plain", **this, StartedAt=AT)
    daemon.kill()
    stage.pair.behave("ce1")
    daemon.start()
    service = connect()
    assert service.Gone(SignalId=ids(), IvrName="plain", **this, EndedAt=AT).Duplicate is False
    stage.wait_ready(daemon)
    assert [event for event, _, duplicate in rows(stage, this["CallId"]) if not duplicate] == ["new-call", "gone"]
