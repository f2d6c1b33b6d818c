"""``agentchan run``: the daemon itself, as a process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEADLINE = 30.0


def configuration(folder: Path) -> Path:
    """Of a daemon whose CE is away."""
    path = folder / "agentchan.toml"
    path.write_text(
        '[ivr]\nname = "ivr1"\nchannels = ["ivr1-{001..003}"]\n'
        '[component_link]\nurls = ["http://127.0.0.1:1/ComponentService"]\n'
        '[api]\nsocket = "a.sock"\nlisten = ""\n[journal]\npath = "journal.sqlite3"\n'
    )
    return path


def agentchan(*arguments: str) -> list[str]:
    """The program's command line."""
    return [sys.executable, "-m", "agentchan.cli", *arguments]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until the daemon is so far."""
    limit = time.monotonic() + DEADLINE
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < limit
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    """It answers meanwhile, though no CE host does; then it ends with 0, and its socket is gone."""
    path = configuration(tmp_path)
    with subprocess.Popen(
        agentchan("run", "--config", str(path)), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            asked = agentchan("--config", str(path), "status")

            def answers() -> bool:
                return subprocess.run(asked, cwd=ROOT, capture_output=True, check=False).returncode == 0

            wait_for(answers, process)
            status = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
            assert "ivr1: out of service" in status.stdout
            process.send_signal(number)
            output, _ = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
    assert process.returncode == 0, output
    assert not (tmp_path / "a.sock").exists()
    assert subprocess.run(asked, cwd=ROOT, capture_output=True, check=False).returncode == 3


def test_a_faulty_configuration(tmp_path: Path) -> None:
    """78, with every fault, as twistd ends."""
    path = tmp_path / "agentchan.toml"
    path.write_text('[ivr]\nnam = "ivr1"\n')
    done = subprocess.run(
        agentchan("--config", str(path), "run"), cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 78
    assert f"{path}:2: ivr.nam: is no known key" in done.stderr
