"""Site profiles: what a site's own WSDL needs of signals and their delivery (profile.md)."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
from zeep.wsse.username import UsernameToken

from tests.end_to_end.daemons import RunningDaemon, merged, wait_until
from tests.end_to_end.doors import Door
from tests.end_to_end.site_ce import SiteCe, good, profile

Start = Callable[..., RunningDaemon]


@pytest.fixture
def ce() -> Iterator[SiteCe]:
    """The site's CE."""
    with SiteCe() as running:
        yield running


@pytest.fixture
def start(ce: SiteCe, tmp_path: Path) -> Iterator[Start]:
    """Starts the daemon, with a profile of its own."""
    daemons: list[RunningDaemon] = []

    def started(tables: dict[str, Any] | None = None, **site: str) -> RunningDaemon:
        own: dict[str, Any] = {
            "ivr": {"name": "ivr1", "channels": ["c{1..3}"]},
            "ce": {"profile": profile(tmp_path / "site", **site), "active_by": "connector-answers"},
            "agent_channel": {"connector_urls": [ce.url], "backoff_maximum": "500ms"},
            "signals": {"retry_guard": "2s", "reply_timeout": "2s"},
            "api": {"listen": "127.0.0.1:0"},
        }
        daemon = RunningDaemon(tmp_path, merged(own, tables or {}))
        daemons.append(daemon)
        daemon.start()
        daemon.wait_channel("up")
        return daemon

    yield started
    for daemon in daemons:
        daemon.end()
        assert daemon.offences() == []


def told(ce: SiteCe, *signals: str) -> None:
    """Wait until CE has heard exactly this."""
    wait_until(lambda: len(ce.heard) >= len(signals), f"CE hears {signals}, not only {ce.told()}")
    assert ce.told() == list(signals)


@pytest.fixture
def connect() -> Iterator[Callable[..., Any]]:
    """Makes zeep clients of a daemon's door."""
    sessions: list[requests.Session] = []

    def client(daemon: RunningDaemon, **others: Any) -> Any:
        session = requests.Session()
        session.trust_env = False
        sessions.append(session)
        url = f"{Door.listen_of(daemon).url}/Site?wsdl"
        return zeep.Client(url, transport=zeep.Transport(session=session), **others).service

    yield client
    for session in sessions:
        session.close()


# Scripts.


@pytest.mark.parametrize("version", ["", "12"])
def test_an_unmodified_script(ce: SiteCe, start: Start, connect: Callable[..., Any], version: str) -> None:
    """Its WSDL comes in several files, under CE's own path, in either version of SOAP; all that it says arrives."""
    daemon = start(version=version)
    service = connect(daemon, wsse=UsernameToken("ivr", "secret"))
    customer = {"Name": "Ann & Bob <x>", "Number": 7}
    answer = service.NewCall(
        Port="c1", Call="1", Campaign="billing", Customer=customer, Note=["one", "two & three"], Ref="r-1"
    )
    assert (answer.Result, answer.Ticket) == (0, "1")
    assert service.Gone(Port="c1", Call="1", Reason="hung up") == 0
    told(ce, "NewCall 1", "Gone 1")
    assert ce.heard[0].texts == {
        "Port": "c1",
        "Call": "1",
        "Campaign": "billing",
        "Customer/Name": "Ann & Bob <x>",
        "Customer/Number": "7",
        "Note": "one|two & three",
        "Ref": "r-1",
    }
    assert ce.heard[1].texts == {"Port": "c1", "Call": "1", "Reason": "hung up"}
    with pytest.raises(zeep.exceptions.Fault, match="'nope'"):
        service.NewCall(Port="nope", Call="1")


def test_a_new_password(ce: SiteCe, start: Start, connect: Callable[..., Any], tmp_path: Path) -> None:
    """A reload takes it up from its file: CE is shown it from the next request on."""
    file = tmp_path / "password"
    file.write_text("old\n", encoding="utf-8")
    file.chmod(0o600)
    daemon = start({"ce.auth": {"method": "basic", "username": "ivr", "password_file": str(file)}})
    service = connect(daemon)
    service.NewCall(Port="c1", Call="1")
    told(ce, "NewCall 1")
    file.write_text("new\n", encoding="utf-8")
    assert daemon.type("reload") == "Applied: ce.auth.password_file.\n"
    service.Gone(Port="c1", Call="1")
    told(ce, "NewCall 1", "Gone 1")
    shown = [heard.headers["Authorization"] for heard in ce.heard]
    assert [b64decode(each.removeprefix("Basic ")) for each in shown] == [b"ivr:old", b"ivr:new"]


def test_what_is_carried_outlives_a_restart(ce: SiteCe, start: Start, connect: Callable[..., Any]) -> None:
    """It is on disk with the rest of the signal."""
    ce.script = lambda _heard: None
    daemon = start()
    connect(daemon).NewCall(Port="c1", Call="1", Customer={"Name": "Ann", "Number": 7})
    wait_until(lambda: ce.heard, "CE hears it")
    daemon.kill()
    ce.script = good
    daemon.start()
    wait_until(lambda: daemon.ask("signals")["signals"][0]["fate"] == "confirmed", "it is confirmed")
    assert ce.heard[-1].texts["Customer/Name"] == "Ann"
    Door.listen_of(daemon).gone("c1", None, "10s")


def test_other_operations(ce: SiteCe, start: Start, connect: Callable[..., Any]) -> None:
    """Refused, or sent on to the active host as they are; a restart decides."""
    daemon = start()
    with pytest.raises(zeep.exceptions.Fault, match="other_operations"):
        connect(daemon).Lookup("word")
    assert ce.heard == []
    daemon.stop()
    daemon.configure({"api": {"other_operations": "forward"}})
    daemon.start()
    daemon.wait_channel("up")
    service = connect(daemon)
    assert service.Lookup("word") == "found word"
    ce.script = lambda _heard: None
    with pytest.raises(zeep.exceptions.Fault, match="CE did not answer"):
        service.Lookup("word")
    assert ce.told() == ["Lookup", "Lookup"]


# Call tokens.

TICKET = {"gone": 'Ticket = "{call_token}"'}


def test_a_token_goes_with_the_gone(ce: SiteCe, start: Start, connect: Callable[..., Any]) -> None:
    """CE's own, though the script has only the call id that stood for it, and though the Gone was accepted before."""
    ce.script = lambda heard: good(heard, ticket="t-1" if heard.operation == "NewCall" else "")
    daemon = start(**TICKET)
    service = connect(daemon)
    assert service.NewCall(Port="c1", Call="1").Ticket in ("1", "t-1")
    assert service.Gone(Port="c1", Ticket="1") == 0
    told(ce, "NewCall 1", "Gone")
    assert ce.heard[1].texts == {"Port": "c1", "Ticket": "t-1"}
    assert service.Gone(Port="c1", Ticket="t-1") == 0
    door = Door.listen_of(daemon)
    assert door.new_call("c2", "2", "10s").status == 200
    daemon.kill()
    daemon.start()
    assert Door.listen_of(daemon).gone("c2", None, "10s").status == 200
    assert ce.heard[-1].texts["Ticket"] == "t-1"


@pytest.mark.parametrize(("missing", "ticket"), [("call-id", "1"), ("empty", None), ("refuse", None)])
def test_a_token_that_never_came(ce: SiteCe, start: Start, missing: str, ticket: str | None) -> None:
    """The Gone has the call id, nothing, or is refused."""
    daemon = start(**TICKET, gone_duty=f'call_token_missing = "{missing}"')
    door = Door.listen_of(daemon)
    door.new_call("c1", "1", "10s")
    answer = door.gone("c1", None, "10s")
    if missing == "refuse":
        assert answer.json["fate"] == "refused"
        assert len(ce.heard) == 1
        row = daemon.ask("signals", "show", answer.json["signal_id"])
        assert "call token" in row["last_error"]
    else:
        assert answer.status == 200
        assert ce.heard[1].texts.get("Ticket") == ticket


# No SignalIds.


def test_a_lost_reply_without_signal_ids(ce: SiteCe, start: Start) -> None:
    """The channel waits for the guard before the signal goes again; other channels do not wait."""
    lost: list[float] = []

    def script(heard: Any) -> str | None:
        if heard.texts["Port"] == "c1" and not lost:
            lost.append(0.0)
            return None
        return good(heard)

    ce.script = script
    daemon = start({"signals": {"retry_guard": "3s"}})
    door = Door.listen_of(daemon)
    door.new_call("c1", "1")
    wait_until(lambda: lost, "it is lost")
    door.gone("c1", "1")
    assert door.new_call("c2", "2", "10s").status == 200
    assert ce.told() == ["NewCall 1", "NewCall 2"]
    wait_until(lambda: len(ce.heard) == 4, "the guard passes")
    told(ce, "NewCall 1", "NewCall 2", "NewCall 1", "Gone 1")
    door.gone("c2", "2", "10s")


def test_the_guard_after_a_restart(ce: SiteCe, start: Start) -> None:
    """What may have gone out when the daemon died waits for the guard, too."""
    ce.script = lambda _heard: None
    daemon = start({"signals": {"retry_guard": "3s"}})
    door = Door.listen_of(daemon)
    door.new_call("c1", "1")
    wait_until(lambda: ce.heard, "it is lost")
    daemon.kill()
    ce.script = good
    heard = len(ce.heard)
    daemon.start()
    door = Door.listen_of(daemon)
    assert door.new_call("c2", "2", "10s").status == 200
    assert ce.told()[heard:] == ["NewCall 2"]
    wait_until(lambda: len(ce.heard) == heard + 2, "the guard passes")
    assert ce.told()[heard:] == ["NewCall 2", "NewCall 1"]


def test_an_unsafe_retry(ce: SiteCe, start: Start) -> None:
    """A refused Gone is not sent again once a later call was on its channel."""
    ce.script = lambda heard: good(heard, 2 if heard.operation == "Gone" else 0)
    daemon = start()
    door = Door.listen_of(daemon)
    refused = door.gone("c1", "1", "10s").json
    assert refused["fate"] == "refused"
    door.new_call("c1", "2", "10s")
    assert "a later call" in daemon.type("signals", "retry", refused["signal_id"], "--reason", "x", status=1)
    daemon.type("signals", "discard", refused["signal_id"], "--reason", "x")
    assert ce.told() == ["Gone 1", "NewCall 2"]


def test_with_signal_ids(ce: SiteCe, start: Start) -> None:
    """Where the site's messages have one it is the same at every try."""
    refs: list[str] = []

    def script(heard: Any) -> str | None:
        refs.append(heard.texts["Ref"])
        return None if len(refs) < 3 else good(heard)

    ce.script = script
    daemon = start(new_call=', Ref = "{signal_id}"', gone='Call = "{call_id}", Ref = "{signal_id}"')
    accepted = Door.listen_of(daemon).new_call("c1", "1", "20s", signal_id="mine")
    assert accepted.json == {"signal_id": "mine", "fate": "confirmed", "repeated": False}
    assert refs == ["mine"] * 3


# No set_readiness.


def test_withhold_gone(ce: SiteCe, start: Start) -> None:
    """A channel is taken out by keeping back the Gone of its last call; not-ready says so; over a restart, too."""
    daemon = start(connector='not_ready_by = "withhold-gone"')
    door = Door.listen_of(daemon)
    door.new_call("c1", "1", "10s")
    said = daemon.type("not-ready", "c1", "--reason", "noise")
    assert "after the next call" in said
    assert door.gone("c1", None, "300ms").status == 202
    assert door.new_call("c2", "2", "10s").status == 200
    assert door.gone("c2", None, "10s").status == 200
    assert daemon.stop() == 0
    daemon.start()
    daemon.wait_channel("up")
    door = Door.listen_of(daemon)
    assert door.new_call("c2", "3", "10s").status == 200
    assert door.gone("c2", None, "10s").status == 200
    assert "Gone 1" not in ce.told()
    assert daemon.status()["signals"]["pending"] == 1
    daemon.type("ready", "c1")
    wait_until(lambda: "Gone 1" in ce.told(), "the Gone goes out")
    assert ce.told().count("Gone 1") == 1


def test_withhold_gone_and_the_next_call(ce: SiteCe, start: Start) -> None:
    """A call that begins on a channel that was taken out lets the Gone of the one before go first."""
    daemon = start(connector='not_ready_by = "withhold-gone"')
    door = Door.listen_of(daemon)
    assert "after the next call" in daemon.type("drain", "--reason", "noise")
    door.new_call("c1", "1", "10s")
    door.gone("c1")
    assert door.new_call("c1", "2", "10s").status == 200
    assert ce.told() == ["NewCall 1", "Gone 1", "NewCall 2"]
    daemon.type("resume")
    assert door.gone("c1", None, "10s").status == 200


def test_gone_at_sign_on(ce: SiteCe, start: Start) -> None:
    """Idle channels are freed when the link comes up; channels with calls are not."""
    daemon = start(connector="gone_at_sign_on = true")
    wait_until(lambda: len(ce.heard) == 3, "each channel gets one")
    assert sorted(heard.texts["Port"] for heard in ce.heard) == ["c1", "c2", "c3"]
    assert {heard.operation for heard in ce.heard} == {"Gone"}
    door = Door.listen_of(daemon)
    assert door.new_call("c1", "1", "10s").status == 200
    ce.heard.clear()
    daemon.stop()
    daemon.start()
    wait_until(lambda: len(ce.heard) == 2, "the idle ones get one")
    assert sorted(heard.texts["Port"] for heard in ce.heard) == ["c2", "c3"]
    assert Door.listen_of(daemon).gone("c1", None, "10s").status == 200
