"""TLS on both services: hosts with a wrong certificate are refused, with the reason; a reload renews our own."""

from __future__ import annotations

from typing import Any

import pytest

from agentchan.lab.certificates import Authority, make_folder, reissue
from agentchan.lab.pair import Pair
from tests.end_to_end.daemons import RunningDaemon, Stage

PAIR = {"tls": True, "client_certificates": True, "url_host": "localhost"}
FAULTS = {
    "expired": "certificate expired on",
    "not-yet-valid": "certificate is not valid before",
    "misnamed": "certificate is for elsewhere.example.com, not for localhost",
    "unknown-ca": "certificate is not signed by a known CA (CN=A stranger",
}
"""What the reason says of a certificate with this fault."""


def tables(pair: Pair) -> dict[str, Any]:
    """The lab's own CA, and a client certificate of it."""
    assert pair.certificates is not None
    certificate, key = pair.certificates.of_client
    return {
        "tls": {
            "ca_file": str(pair.certificates.ca_file),
            "certificate_file": str(certificate),
            "key_file": str(key),
        }
    }


def _certify(pair: Pair, host: str, *services: str, fault: str | None = None) -> None:
    """Give a host another certificate; the services show it, and every connection to them is broken."""
    assert pair.certificates is not None
    reissue(pair.certificates.folder, host, fault=fault)
    _show(pair, host, *services)


def _show(pair: Pair, host: str, *services: str) -> None:
    """Have a host's services show the certificate that is in its file now."""
    for service in services or ("component", "connector"):
        pair.stop_listening(host, service)
        pair.listen(host, service)
        pair.drop(host, service)


def _session(stage: Stage) -> dict[str, Any]:
    (session,) = stage.pair.sessions()
    return session


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_certificate(stage: Stage, daemon: RunningDaemon, fault: str) -> None:
    """A host whose certificate is wrong is refused at the next connect, the other used; mended, it is taken (F10)."""
    pair = stage.pair
    _certify(pair, "ce1", "connector", fault=fault)
    refused = daemon.wait_status(
        lambda status: FAULTS[fault] in (status["agent_channel"]["error"] or ""), "its connector is refused"
    )
    assert f"localhost:{pair.processes['ce1'].ports['connector']}" in refused["agent_channel"]["error"]
    assert refused["channels"]["ready"] == 0
    _show(pair, "ce1", "component")
    refused = daemon.wait_status(
        lambda status: FAULTS[fault] in (status["ce"]["hosts"][0]["error"] or ""), "its Component Service is refused"
    )
    assert f"localhost:{pair.processes['ce1'].ports['component']}" in refused["ce"]["hosts"][0]["error"]
    assert FAULTS[fault].split()[2] in daemon.type("status")
    pair.promote("ce2")
    stage.wait_ready(daemon)
    assert FAULTS[fault] in daemon.status()["ce"]["hosts"][0]["error"]
    _certify(pair, "ce1")
    daemon.wait_status(lambda status: status["ce"]["hosts"][0]["error"] is None, "ce1 is taken again")
    pair.promote("ce1")
    stage.all_is_well()


def test_renewed_certificate_of_a_host(stage: Stage, daemon: RunningDaemon) -> None:
    """A host's new certificate of the same CA is taken without a word to anybody."""
    _certify(stage.pair, "ce1")
    stage.all_is_well(daemon)


def test_other_authority(stage: Stage, daemon: RunningDaemon) -> None:
    """A CA file with the new CA beside the old one is taken by a reload: new connections need it, the old one stays."""
    pair = stage.pair
    assert pair.certificates is not None
    folder = pair.certificates.folder
    old = pair.certificates.ca_file.read_bytes()
    other = make_folder(folder / "other", ())
    Authority.load(other).issue("ce2").write(folder, "ce2")
    session = _session(stage)
    _show(pair, "ce2")
    daemon.wait_status(
        lambda status: "not signed by a known CA" in (status["ce"]["hosts"][1]["error"] or ""), "ce2 is refused"
    )
    pair.certificates.ca_file.write_bytes(old + (other / "ca.pem").read_bytes())
    assert daemon.ask("reload")["applied"] == ["tls.ca_file"]
    daemon.wait_status(lambda status: status["ce"]["hosts"][1]["error"] is None, "ce2 is taken")
    stage.all_is_well()
    assert _session(stage) == session
    pair.promote("ce2")
    stage.all_is_well()
    pair.certificates.ca_file.write_bytes(old)
    daemon.type("reload")
    _certify(pair, "ce2")
    stage.all_is_well()


def test_client_certificate(stage: Stage, daemon: RunningDaemon) -> None:
    """Our own certificate is replaced by a reload without dropping the agent channel; one that CE refuses is named."""
    pair = stage.pair
    assert pair.certificates is not None
    certificate, key = pair.certificates.of_client
    good = certificate.read_bytes(), key.read_bytes()
    session = _session(stage)
    Authority.make("A stranger").issue("ivr1", ("ivr1.example.com",), client=True).write(certificate.parent, "client")
    assert set(daemon.ask("reload")["applied"]) == {"tls.certificate_file", "tls.key_file"}
    daemon.wait_status(
        lambda status: all("refused our client certificate" in (host["error"] or "") for host in status["ce"]["hosts"]),
        "both hosts refuse our certificate",
    )
    assert _session(stage) == session
    certificate.write_bytes(good[0])
    key.write_bytes(good[1])
    daemon.type("reload")
    daemon.wait_status(lambda status: all(host["error"] is None for host in status["ce"]["hosts"]), "both take it")
    stage.all_is_well()
    assert _session(stage) == session


def test_files_that_do_not_fit(stage: Stage, daemon: RunningDaemon) -> None:
    """A key that does not belong to its certificate is refused by the reload, and the old pair stays in force."""
    pair = stage.pair
    assert pair.certificates is not None
    _, key = pair.certificates.of_client
    good = key.read_bytes()
    key.write_bytes((pair.certificates.folder / "ca.key").read_bytes())
    assert "does not belong to" in daemon.type("reload", status=78)
    stage.pair.drop("ce1", "connector")
    stage.wait_ready(daemon)
    key.write_bytes(good)
    stage.all_is_well(errors=["reload-refused"])


def test_without_client_certificate(stage: Stage, daemon: RunningDaemon) -> None:
    """CE asks for a client certificate and there is none: the reason says what to set."""
    assert daemon.stop() == 0
    without = stage.daemon("without", tables={"tls": {"ca_file": tables(stage.pair)["tls"]["ca_file"]}})
    without.start()
    status = without.wait_status(
        lambda status: all("client certificate" in (host["error"] or "") for host in status["ce"]["hosts"]), "refused"
    )
    assert "set certificate_file in [tls]" in status["ce"]["hosts"][0]["error"]
    assert without.problems() == {"no-host-answers"}
    without.configure(tables(stage.pair))
    without.type("reload")
    stage.wait_ready(without)
    assert without.stop() == 0
    assert without.offences() == []
    del stage.daemons["without"]


def test_handshake_that_hangs(stage: Stage, daemon: RunningDaemon) -> None:
    """A host that hangs while TLS is being set up has its own deadline for it, and keeps nobody waiting (F3)."""
    pair = stage.pair
    pair.blackhole("ce1", "connector")
    daemon.wait_status(lambda status: "TLS" in (status["agent_channel"]["error"] or ""), "its handshake hangs")
    assert daemon.status()["ce"]["active"] == "ce1"
    pair.promote("ce2")
    stage.wait_ready(daemon)
    pair.heal("ce1")
    stage.all_is_well()
