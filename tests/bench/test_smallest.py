"""Each benchmark's smallest run yields its table and its findings; no figure of it is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
PATIENCE = 240.0
"""Seconds, on a machine that has much else to do."""

AT_ONCE = 2
"""They wait more than they work."""

Run = tuple[subprocess.CompletedProcess[str], Path]

FILLED = {
    "codec": {"message", "encode", "decode"},
    "journal": {"what", "rate", "took"},
    "signals": {"contestant", "accepted", "confirmed", "took"},
    "idle": {"channels", "to_ready", "sign_on", "status", "memory", "cpu"},
    "outage": {"what", "rate", "signals"},
    "endpoint_check": {"what", "took"},
    "failover": {"event", "contestant", "blackout", "promotion", "sign_on", "readiness"},
}
"""What stands in each row of a benchmark's first table; the longest last."""


def run(name: str, findings: Path) -> Run:
    """Run one."""
    command = [sys.executable, str(BENCH / f"{name}.py"), "--smallest", f"--json={findings}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False), findings


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Run]]]:
    """All of them, the longest first."""
    directory = tmp_path_factory.mktemp("findings")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(run, name, directory / f"{name}.json") for name in reversed(FILLED)}


@pytest.mark.parametrize("name", FILLED)
def test_the_smallest_run(name: str, runs: dict[str, Future[Run]]) -> None:
    """It ends well: what must hold holds. It tells people, writes JSON, and says where it was and what was promised."""
    done, findings = runs[name].result()
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(findings.read_text(encoding="utf-8"))
    assert found["bench"] == name
    assert found["smallest"] is True
    assert found["machine"]["cores"] >= 1
    assert {"agentchan", "python", "twisted"} <= set(found["versions"])
    assert all(not check["offences"] for check in found["checks"])
    first = found["tables"][0]
    assert first["rows"]
    assert all(FILLED[name] <= set(row) for row in first["rows"])
    for table in found["tables"]:
        assert table["title"] in done.stdout
    for promise in found["promises"]:
        assert promise["what"] in done.stdout
        assert promise["kept"] == (
            promise["found"] >= promise["limit"] if promise["at_least"] else promise["found"] <= promise["limit"]
        )


def test_an_unknown_name() -> None:
    """The command for all says which there are."""
    command = [sys.executable, str(BENCH), "speed"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert "there is no speed; there are codec" in done.stderr
