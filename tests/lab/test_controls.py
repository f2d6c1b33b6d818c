"""Controls of a running pair, from Python and over the control port."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agentchan.lab.certificates import FAULTS, Authority, Certificates, make_folder, reissue
from agentchan.lab.host_process import LabError
from agentchan.lab.pair import Pair
from tests.lab.peers import IvrPeer, Peer, Refused, Wire, signal_id, states

Dial = Callable[..., IvrPeer]


def test_control_port_lists_itself(pair: Pair) -> None:
    """The control port tells what can be asked of it and told to it."""
    found = pair.ask("ce1", "/")
    assert {"/status", "/history", "/channels"} <= set(found["GET"])
    assert {"/switch", "/wrong", "/stick"} <= set(found["POST"])


@pytest.mark.parametrize(
    ("path", "arguments", "complaint"),
    [
        ("/nothing", {}, "no /nothing"),
        ("/switch", {"to": "ce7"}, "no host ce7"),
        ("/state", {"state": "Confused"}, "state is one of"),
        ("/stick", {"ivr": "ivr1", "channel": "ivr1-1", "call_id": "x", "state": "Ready"}, "Busy or Wrapup"),
        ("/stick", {"ivr": "ivr1"}, "argument 'call_id'"),
        ("/hang-up", {"ivr": "ivr1", "channel": "ivr1-6"}, "holds no call"),
        ("/session-timeout", {"seconds": 0}, "above 0"),
        ("/claim", {"colour": "purple"}, "unknown: colour"),
        ("/heartbeat-after-role-change", {"answer": "perhaps"}, "answer is"),
        ("/blackhole", {"direction": "up"}, "direction is"),
        ("/break-off", {"service": "connector", "within": "breath"}, "request or answer"),
        ("/break-off", {"service": "connector", "within": "answer", "share": 1}, "not including 1"),
        ("/break-off", {"within": "answer"}, "argument 'service'"),
        ("/drop", {"service": "telephone"}, "service is one of"),
        ("/know", {"ivrs": {"ivr1": ["{9..1}"]}}, "runs upwards"),
    ],
)
def test_controls_refuse_nonsense(pair: Pair, path: str, arguments: dict[str, object], complaint: str) -> None:
    """A control that makes no sense is refused with a text that says what does."""
    with pytest.raises(LabError, match=complaint):
        pair.ask("ce1", path, arguments)


def test_control_port_over_http(pair: Pair) -> None:
    """The control port is plain HTTP and JSON, for curl too."""
    url = f"http://127.0.0.1:{pair.processes['ce1'].ports['control']}"
    with urllib.request.urlopen(f"{url}/status") as answer:  # noqa: S310 - http, on loopback
        assert json.load(answer)["host"] == "ce1"
    for body in (b"[]", b"{"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(f"{url}/switch", data=body))  # noqa: S310 - http, on loopback
        assert caught.value.code == 400
        caught.value.close()


def test_history_is_complete_and_in_order(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """The history says who signed on where, what was made ready, and which signal was applied by which host."""
    before = pair.history()[-1]["sequence"]
    peer = dial()
    peer.open(channels[:2], "host-a")
    peer.set_readiness([(channels[0], True)])
    peer.new_call(channels[0], "call", "first")
    peer.new_call(channels[0], "call", "first")
    with pytest.raises(Refused):
        peer.new_call(channels[0], "other")
    peer.close_session()
    rows = pair.history(before)
    assert [row["event"] for row in rows] == [
        "session-opened",
        "readiness",
        "new-call",
        "new-call",
        "refused",
        "session-closed",
    ]
    assert {row["host"] for row in rows} == {"ce1"}
    assert {row["ivr"] for row in rows} == {ivr}
    assert rows[0]["instance_id"] == "host-a"
    assert rows[1]["details"] == [[channels[0], True, "test"]]
    assert [row["duplicate"] for row in rows[2:4]] == [False, True]
    assert rows[4]["details"]["fault"] == "ChannelHeld"
    assert [row["monotonic"] for row in rows] == sorted(row["monotonic"] for row in rows)
    assert pair.ask("ce2", f"/history?after={before}") == rows


def test_split_brain(pair: Pair, dial: Dial, link: Callable[[str], Peer], ivr: str, channels: list[str]) -> None:
    """A host can be made to claim the active role and to act by it: both hosts then take sessions and signals."""
    pair.claim("ce2", role="Active", generation=99, obey=True)
    assert {name: link(name).say("GetServerStatus").Role for name in pair.processes} == dict.fromkeys(
        pair.processes, "Active"
    )
    one, other = dial("ce1"), dial("ce2")
    for peer in (one, other):
        peer.open(channels)
        assert states(peer.set_readiness([(channels[0], True)])) == {channels[0]: "Ready"}
    assert (other.heartbeat().Role, other.heartbeat().Generation) == ("Active", 99)
    assert other.new_call(channels[1], "call").State == "Busy"
    pair.behave("ce2")
    with pytest.raises(Refused, match="NotActive"):
        other.set_readiness([(channels[0], True)])
    assert one.heartbeat().Role == "Active"
    assert not [text for text in pair.violations() if ivr in text and "took" in text]


def test_obeyed_standby(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """An active host that claims to be standby, and acts by it, refuses everything and forgets its sessions."""
    peer = dial()
    peer.open(channels)
    pair.claim("ce1", role="Standby", obey=True)
    with pytest.raises(Refused, match="NotActive"):
        peer.set_readiness([(channels[0], True)])
    pair.behave("ce1")
    with pytest.raises(Refused, match="UnknownSession"):
        peer.set_readiness([(channels[0], True)])


def test_lower_generation(pair: Pair, dial: Dial, link: Callable[[str], Peer], channels: list[str]) -> None:
    """The generation can be lowered; sessions of the higher one are over, the active host stays active."""
    peer = dial()
    peer.open(channels)
    before = pair.generation()
    pair.set_generation(before - 1)
    assert [link(name).say("GetServerStatus").Generation for name in pair.processes] == [before - 1] * 2
    with pytest.raises(Refused, match="UnknownSession"):
        peer.heartbeat()
    assert pair.active() == "ce1"
    pair.set_generation(before + 1)


def test_restored_backup(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """After the restore of a backup CE has forgotten the calls and signals since, and the generation falls."""
    peer, old, young = dial(), signal_id(), signal_id()
    peer.new_call(channels[0], "old", old)
    generation = pair.generation()
    backup = pair.back_up()
    peer.gone(channels[0], "old")
    peer.new_call(channels[1], "young", young)
    pair.switch()
    pair.switch()
    pair.restore(backup)
    assert (pair.active(), pair.generation()) == ("ce1", generation)
    reports = {report.Channel: report.CallId for report in peer.open(channels).ChannelReport}
    assert (reports[channels[0]], reports[channels[1]]) == ("old", None)
    assert peer.new_call(channels[0], "old", old).Duplicate
    assert not peer.new_call(channels[1], "young", young).Duplicate
    assert not [text for text in pair.violations() if young in text]
    pair.set_generation(generation + 3)


def test_locked_database(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """While the domain's database is locked a signal gets Unavailable; sent again with the same id it is applied."""
    peer, signal = dial(), signal_id()
    lock = pair.lock_database()
    with pytest.raises(Refused, match="Unavailable"):
        peer.new_call(channels[0], "call", signal)
    lock.close()
    assert not peer.new_call(channels[0], "call", signal).Duplicate


def test_callers_leave_by_themselves(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """CE can be made to see each caller leave some time after the NewCall: Busy becomes Wrapup, until the Gone."""
    peer = dial()
    peer.new_call(channels[0], "call")
    pair.set_wrapup_after(0.05)
    pair.wait_until(lambda: pair.channels(peer.ivr)[channels[0]]["state"] == "Wrapup")
    pair.set_wrapup_after(None)
    peer.new_call(channels[1], "call")
    assert peer.gone(channels[0], "call").State == "NotReady"
    assert pair.channels(peer.ivr)[channels[1]]["state"] == "Busy"


def test_stuck_channel(pair: Pair, dial: Dial, ivr: str, channels: list[str]) -> None:
    """A channel can be made stuck, and its Gone frees it."""
    pair.stick(channels[0], "ghost", state="Wrapup", ivr=ivr)
    assert [text for text in pair.stuck() if channels[0] in text]
    assert dial().gone(channels[0], "ghost").State == "NotReady"
    assert not [text for text in pair.stuck() if channels[0] in text]


def test_names_can_be_registered(pair: Pair, dial: Dial) -> None:
    """CE can be made to know more or fewer IVRs and channels while it runs."""
    pair.register("extra", ["extra-{1..3}"])
    peer = dial(name="extra")
    assert peer.open(["extra-1", "extra-3"]).SessionId
    pair.register("extra", ["extra-{1..2}"])
    with pytest.raises(Refused) as caught:
        peer.open(["extra-1", "extra-3"])
    assert caught.value.channels == ["extra-3"]
    pair.unregister("extra")
    with pytest.raises(Refused, match="UnknownIvr"):
        peer.open(["extra-1"])


def test_refused_and_reset_connections(pair: Pair, dial: Dial, channels: list[str]) -> None:
    """A service can refuse new connections while open ones stay, and reset those."""
    peer = dial()
    peer.open(channels)
    pair.stop_listening("ce1", "connector")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", pair.processes["ce1"].ports["connector"]))
    assert peer.heartbeat().Role == "Active"
    pair.drop("ce1", "connector")
    pair.wait_until(lambda: not [row for row in pair.sessions("ce1") if row["ivr"] == peer.ivr])
    pair.listen("ce1", "connector")
    assert dial().open(channels).SessionId


def _handshake(pair: Pair, host: str, folder: Path, *, client: bool = True) -> None:
    certificates = Certificates(folder)
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    if client:
        context.load_cert_chain(*map(str, certificates.of_client))
    port = pair.processes[host].ports["component"]
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall(b"GET /ComponentService?wsdl HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert secure.recv(65536).startswith(b"HTTP/1.1 200 OK")


@pytest.fixture(scope="module")
def tls_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair on TLS whose callers need a certificate."""
    folder = make_folder(tmp_path_factory.mktemp("tls") / "certificates")
    with Pair(
        tmp_path_factory.mktemp("pair"), ["ivr1-{1..2}"], tls=folder, client_certificates=True, url_host="localhost"
    ) as pair:
        yield pair


@pytest.mark.parametrize(("within", "applied"), [("request", False), ("answer", True)])
def test_broken_off(pair: Pair, ivr: str, channels: list[str], within: str, applied: bool) -> None:
    """A connection breaks off in mid-request, and nothing is carried out, or in mid-answer, and it is; once each."""
    for channel, share in zip(channels, (0.0, 0.9), strict=False):
        seen = len(_told_of_new_calls(pair))
        pair.break_off("ce1", within=within, share=share)
        call = (
            f"<SignalId>{signal_id()}</SignalId><IvrName>{ivr}</IvrName><Channel>{channel}</Channel>"
            f"<CallId>{signal_id()}</CallId><StartedAt>2026-01-01T12:00:00Z</StartedAt>"
        )
        with Wire(pair, "ce1", "connector") as wire, pytest.raises((OSError, http.client.HTTPException)):
            wire.post("NewCall", call)
        assert _told_of_new_calls(pair)[seen:] == (["request", "unheard"] if applied else [])
        with Wire(pair, "ce1", "connector") as wire:
            status, body = wire.post("NewCall", call)
        assert (status, b"<Duplicate>true<" in body) == (200, applied)


def _told_of_new_calls(pair: Pair) -> list[str]:
    return [row["what"] for row in pair.requests("ce1") if row.get("operation") == "NewCall"]


def test_behaving_ends_breaks(pair: Pair, link: Callable[[str], Peer]) -> None:
    """A host that is told to behave breaks nothing off any more."""
    pair.break_off("ce1", "component", times=3)
    pair.behave("ce1")
    assert link("ce1").say("GetServerStatus").Role == "Active"


def test_tls(tls_pair: Pair) -> None:
    """Both services can be https, with certificates that a client can check, and ask for the client's."""
    certificates = tls_pair.certificates
    assert certificates is not None
    assert {url.partition(":")[0] for url in tls_pair.component_urls + tls_pair.connector_urls} == {"https"}
    _handshake(tls_pair, "ce1", certificates.folder)
    with pytest.raises((ssl.SSLError, OSError)):
        _handshake(tls_pair, "ce1", certificates.folder, client=False)


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_certificates(tls_pair: Pair, fault: str) -> None:
    """A host can get a certificate that is expired, not yet valid, of another name or of an unknown authority."""
    certificates = tls_pair.certificates
    assert certificates is not None
    for wrong in (fault, None):
        reissue(certificates.folder, "ce2", fault=wrong)
        tls_pair.stop_listening("ce2", "component")
        tls_pair.listen("ce2", "component")
        if wrong is None:
            _handshake(tls_pair, "ce2", certificates.folder)
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                _handshake(tls_pair, "ce2", certificates.folder)


def test_silent_drop_under_tls(tls_pair: Pair) -> None:
    """A silent network drop holds up the handshake of new connections too."""
    certificates = tls_pair.certificates
    assert certificates is not None
    tls_pair.blackhole("ce1")
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    with socket.create_connection(("127.0.0.1", tls_pair.processes["ce1"].ports["component"])) as plain:
        plain.settimeout(0.2)
        with pytest.raises(TimeoutError):
            context.wrap_socket(plain, server_hostname="localhost")
    tls_pair.heal("ce1")
    _handshake(tls_pair, "ce1", certificates.folder)


def test_authority_survives(tmp_path: Path) -> None:
    """A folder's authority can issue more certificates later; a fault that there is none of is refused."""
    make_folder(tmp_path)
    assert Authority.load(tmp_path).issue("more", ("more.example.com",), valid_until=timedelta(days=1)).certificate
    assert (tmp_path / "ca.key").stat().st_mode & 0o077 == 0
    with pytest.raises(ValueError, match="'ugly' is none of"):
        reissue(tmp_path, "ce1", fault="ugly")


def test_a_host_that_does_not_run(pair: Pair) -> None:
    """A control of a host that does not run is an error that says so."""
    pair.stop_host("ce2")
    try:
        for attempt in (lambda: pair.kill("ce2"), lambda: pair.freeze("ce2"), lambda: pair.behave("ce2")):
            with pytest.raises(LabError, match=r"ce2 (is not running|does not answer)"):
                attempt()
        with Wire(pair, "ce1", "component") as wire:
            assert wire.post("GetServerStatus")[0] == 200
    finally:
        pair.start("ce2")
    with pytest.raises(LabError, match="running already"):
        pair.start("ce2")


def test_waiting_for_what_does_not_come(pair: Pair) -> None:
    """Waiting in vain ends with what was waited for and what was found."""
    with pytest.raises(TimeoutError, match=r"the third host; the last answer was \[\]"):
        pair.wait_until(lambda: [name for name in pair.processes if name == "ce3"], timeout=0.02, what="the third host")
