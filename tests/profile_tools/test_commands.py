"""``agentchan profile`` as one types it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.running import run as run_command
from tests.profile_tools.drafting import wsdl
from tests.profile_tools.serving import MINIMUM, REFERENCE, WSDLS, serving, wcf

CALL = ["Channel", "CallId"]


def run(*arguments: str, config: Path | None = None) -> Result:
    """Run a command without a daemon, in this process."""
    environ = {"AGENTCHAN_CONFIG": str(config)} if config is not None else {}
    return run_command(None, "profile", *arguments, environ=environ)


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that needs the reactor, in a process of its own."""
    command = [sys.executable, "-m", "agentchan.cli", "profile", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


# -- check and show ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reference", "minimum", f"{WSDLS}/wcf"])
def test_check(name: str) -> None:
    """A sound profile is proved: every duty's message is shown, and what its reply becomes."""
    result = run("check", name)
    assert (result.exit_code, result.stderr) == (0, "")
    assert ": no fault.\n" in result.stdout
    assert "new_call is NewCall\n" in result.stdout
    assert "<s:Envelope" in result.stdout
    as_json = json.loads(run("check", name, "--json").stdout)
    assert as_json["faults"] == []
    assert as_json["duties"][0]["message"].startswith("<s:Envelope")


def test_check_lists_every_fault(tmp_path: Path) -> None:
    """78, with file and line of each."""
    (tmp_path / "profile.toml").write_text('[ivr_connector]\nwsdl = "none.wsdl"\nfoo = 1\n', encoding="utf-8")
    result = run("check", str(tmp_path))
    assert (result.exit_code, result.stdout) == (78, "")
    assert f"{tmp_path}/profile.toml:3: ivr_connector.foo: is unknown" in result.stderr
    as_json = run("check", str(tmp_path), "--json")
    assert as_json.exit_code == 78
    assert {"file", "line", "key", "wrong", "allowed"} == set(json.loads(as_json.stdout)["faults"][0])


def test_the_profile_of_the_configuration(tmp_path: Path) -> None:
    """Is meant where none is named; a path in there starts from the configuration's folder."""
    config = tmp_path / "a.toml"
    text = '[ivr]\nname = "i"\nchannels = ["c"]\n[component_link]\nurls = ["http://ce1/c"]\n[ce]\nprofile = '
    config.write_text(f'{text}"minimum"\n', encoding="utf-8")
    assert run("show", config=config).stdout.startswith("minimum  (")
    config.write_text(f'{text}"./site"\n', encoding="utf-8")
    assert f"{tmp_path}/site" in run("check", config=config).stderr
    config.write_text("[ivr]\n", encoding="utf-8")
    result = run("check", config=config)
    assert result.exit_code == 78
    assert f"{config} is faulty" in result.stderr


def test_no_profile_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a configuration there is none to take."""
    monkeypatch.setattr("agentchan.cli.profile.USUAL_CONFIGURATION", tmp_path / "none.toml")
    monkeypatch.setattr("agentchan.cli.sockets.USUAL_CONFIGURATION", tmp_path / "none.toml")
    result = run("show")
    assert result.exit_code == 2
    assert "name a profile" in result.stderr


def test_a_folder_without_a_slash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder beside one is found by its name."""
    monkeypatch.chdir(tmp_path)
    assert run("init", "--wsdl", str(MINIMUM / "ivr_connector.wsdl"), "--output", "our-ce").exit_code == 0
    assert run("check", "our-ce").exit_code == 0
    assert run("check", "nobody").exit_code == 78


def test_show() -> None:
    """The mapping as tables no wider than the terminal, and as JSON."""
    result = run("show", "reference")
    assert result.exit_code == 0
    assert "What can be done with it" in result.stdout
    assert "SignalId   {signal_id}   text, required" in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    assert json.loads(run("show", "reference", "--json").stdout)["name"] == "reference"


def test_show_of_a_faulty_one(tmp_path: Path) -> None:
    """78, with the faults."""
    (tmp_path / "profile.toml").write_text("", encoding="utf-8")
    result = run("show", str(tmp_path))
    assert result.exit_code == 78
    assert "profile.toml:1: name: is missing" in result.stderr


# -- against another WSDL ---------------------------------------------------------------------------------------------


def test_check_against_a_file(tmp_path: Path) -> None:
    """0 where it fits, with what has changed; 1 with the faults where it does not."""
    same = run("check", "minimum", "--wsdl", str(MINIMUM / "ivr_connector.wsdl"))
    assert same.exit_code == 0
    assert "It fits " in same.stdout
    other = tmp_path / "other.wsdl"
    text = (MINIMUM / "ivr_connector.wsdl").read_text(encoding="utf-8")
    other.write_text(text.replace("minimum:1/NewCall", "minimum:2/NewCall"), encoding="utf-8")
    changed = run("check", "minimum", "--wsdl", str(other))
    assert changed.exit_code == 0
    assert ", but 1 difference to look at." in changed.stdout
    other.write_text(text.replace('name="Campaign" type="xs:string" minOccurs="0"', 'name="Tenant" type="xs:string"'))
    broken = run("check", "minimum", "--wsdl", str(other))
    assert broken.exit_code == 1
    assert "It does not fit" in broken.stdout
    as_json = run("check", "minimum", "--wsdl", str(other), "--json")
    assert as_json.exit_code == 1
    assert {fault["line"] for fault in json.loads(as_json.stdout)["faults"]} == {12, 17}


def test_check_of_a_service_that_is_not_there() -> None:
    """A profile without a Component Service has none to compare; a WSDL that is not there cannot be."""
    result = run("check", "minimum", "--component-wsdl", "x.wsdl")
    assert result.exit_code == 2
    result = run("check", "minimum", "--wsdl", "/nowhere/x.wsdl")
    assert result.exit_code == 1
    assert "/nowhere/x.wsdl" in result.stderr


def test_check_against_a_live_one() -> None:
    """Fetched with all that it imports."""
    with serving(wcf()) as (address, _):
        pages = wcf(f"{address}/Connector.svc")
    with serving(pages) as (address, asked):
        live = process("check", f"{WSDLS}/wcf", "--wsdl", f"{address}/Connector.svc?wsdl")
        assert (live.returncode, live.stderr) == (0, "")
        assert f"It fits {address}/Connector.svc?wsdl." in live.stdout
        assert len(asked) > 5


# -- init -------------------------------------------------------------------------------------------------------------


def test_init_from_a_live_ce(tmp_path: Path) -> None:
    """Both WSDLs are fetched; what was done is told, and what to do next; the result loads and is checked."""
    pages = {
        "/IVRConnector?wsdl": (REFERENCE / "ivr_connector.wsdl").read_bytes(),
        "/ComponentService?wsdl": (REFERENCE / "component_service.wsdl").read_bytes(),
    }
    with serving(pages) as (address, _):
        begun = process(
            "init",
            "--wsdl",
            f"{address}/IVRConnector",
            "--component-wsdl",
            f"{address}/ComponentService?wsdl",
            "--output",
            str(tmp_path / "ce"),
        )
    assert (begun.returncode, begun.stderr) == (0, "")
    words = " ".join(begun.stdout.split())
    assert "Fetched 2 files" in words
    assert "is the service itself" in words
    assert "new_call NewCall 7 of 7 parameters" in words
    assert "It can be loaded as it is." in words
    assert f"→ agentchan profile check {tmp_path}/ce" in words
    assert run("check", str(tmp_path / "ce")).exit_code == 0


def test_init_from_many_files(tmp_path: Path) -> None:
    """As WCF serves them, under a name that only the server knows."""
    pages = wcf("http://ce-internal.invalid/Connector.svc")
    with serving(pages) as (address, _):
        begun = process("init", "--wsdl", f"{address}/Connector.svc?wsdl", "--output", str(tmp_path / "ce"), "--json")
    assert begun.returncode == 0, begun.stderr
    value = json.loads(begun.stdout)
    assert len(value["files"]) == 6
    assert len(value["notes"]) == 5
    assert value["unspoken"] == [
        "port NetTcpBinding_IConnector (SOAP over http://schemas.microsoft.com/soap/tcp, not HTTP)"
    ]
    assert value["faults"] == []
    assert {"line", "key", "text"} == set(value["decisions"][0])


@pytest.mark.parametrize("kind", ["soap12", "encoded"])
def test_init_of_other_kinds(tmp_path: Path, kind: str) -> None:
    """SOAP 1.2 alone is spoken; what is encoded is named, and cannot be."""
    if kind == "soap12":
        text = wsdl({"NewCall": (CALL, []), "Gone": (CALL, [])}).replace("wsdl/soap/", "wsdl/soap12/")
    else:
        text = (WSDLS / "rpc/connector.wsdl").read_text(encoding="utf-8").replace('use="literal"', 'use="encoded"')
    with serving({"/s?wsdl": text.encode()}) as (address, _):
        begun = process("init", "--wsdl", f"{address}/s?wsdl", "--output", str(tmp_path / "ce"))
    if kind == "soap12":
        assert (begun.returncode, begun.stderr) == (0, "")
        assert "SOAP 1.2, port S" in run("show", str(tmp_path / "ce")).stdout
    else:
        assert begun.returncode == 1
        assert "operation begin (its messages are encoded, which WS-I forbids)" in begun.stderr
        assert not (tmp_path / "ce").exists()


def test_init_with_an_account(tmp_path: Path) -> None:
    """The password comes from a file, and is told at the place that was named alone; it is nowhere in what is said."""
    secret = tmp_path / "password"
    secret.write_text("very secret\n", encoding="utf-8")
    account = "Basic " + base64.b64encode(b"ivr:very secret").decode()
    pages = {"/s?wsdl": (MINIMUM / "ivr_connector.wsdl").read_bytes()}
    output = str(tmp_path / "ce")
    with serving(pages, account) as (address, asked):
        without = process("init", "--wsdl", f"{address}/s?wsdl", "--output", output)
        assert without.returncode == 1
        assert "it wants to know who asks: --username and --password-file" in without.stderr
        begun = process(
            "init",
            "--wsdl",
            f"{address}/s?wsdl",
            "--output",
            output,
            "--username",
            "ivr",
            "--password-file",
            str(secret),
        )
        assert begun.returncode == 0, begun.stderr
        assert asked[-1] == ("/s?wsdl", account)
    written = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "ce").iterdir())
    assert "very secret" not in begun.stdout + begun.stderr + written


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--username", "ivr"), 2, "belong together"),
        (("--username", "ivr", "--password-file", "/nowhere"), 78, "/nowhere"),
        (("--ca-file", "/nowhere"), 78, "/nowhere"),
        ((), 1, "is there already"),
    ],
)
def test_init_refused(tmp_path: Path, options: tuple[str, ...], status: int, said: str) -> None:
    """What was given is looked at before anything is written."""
    (tmp_path / "x").write_text("")
    wanted = ("--wsdl", str(MINIMUM / "ivr_connector.wsdl"), "--output", str(tmp_path))
    result = run("init", *wanted, *options)
    assert result.exit_code == status
    assert said in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x"]


def test_init_that_cannot_be_loaded_yet(tmp_path: Path) -> None:
    """What is left to decide is told with its line, and what keeps it from loading."""
    source = tmp_path / "s.wsdl"
    source.write_text(wsdl({"NewCall": ([*CALL, "Frob"], ["Code:int"]), "Gone": (CALL, [])}), encoding="utf-8")
    result = run("init", "--wsdl", str(source), "--output", str(tmp_path / "ce"))
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    assert "Left to decide" in words
    assert "Frob (text, required): a constant, or a template of fields" in words
    assert "Code (whole number) may tell of failures" in words
    assert "Until then it cannot be loaded ✗ " in words
    assert 'the required parameter "Frob" is missing' in words
    assert run("check", str(tmp_path / "ce")).exit_code == 78


def test_init_from_what_cannot_be_spoken(tmp_path: Path) -> None:
    """Is refused with every reason."""
    source = tmp_path / "s.wsdl"
    text = wsdl({"NewCall": (CALL, []), "Gone": (CALL, [])}).replace('use="literal"', 'use="encoded"')
    source.write_text(text, encoding="utf-8")
    result = run("init", "--wsdl", str(source), "--output", str(tmp_path / "ce"))
    assert result.exit_code == 1
    assert "its messages are encoded, which WS-I forbids" in result.stderr
    assert not (tmp_path / "ce").exists()
