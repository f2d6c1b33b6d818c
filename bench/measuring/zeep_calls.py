"""What a practitioner would write: one IVR script that gives its calls to CE by zeep, each kept in a spool until then.

    python -m measuring.zeep_calls WSDL URL IVR SPOOL

A signal is written to a file of its own, which is synced and then renamed, before it is sent; it is sent until CE has
answered, and then the file is removed. The script is told what to do by lines of JSON
(:class:`measuring.callers.Order`), and answers each with one.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
import zeep

from measuring import messages
from measuring.callers import Order, carry_out

TIMEOUT = 2.0
AGAIN = 0.1


class Spool:
    """The signals that CE has not confirmed yet, a file each."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._number = 0

    def keep(self, operation: str, signal: dict[str, Any]) -> Path:
        """Put a signal on disk; returns its file."""
        self._number += 1
        path = self._directory / f"{self._number:09}.json"
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump([operation, signal], file)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
        return path

    def kept(self) -> list[Path]:
        """The files, in order."""
        return sorted(self._directory.glob("*.json"))


class Script:
    """The service, and the spool before it."""

    def __init__(self, wsdl: str, url: str, ivr: str, spool: str) -> None:
        self._session = requests.Session()
        transport = zeep.Transport(session=self._session, operation_timeout=TIMEOUT)
        client = zeep.Client(Path(wsdl).as_uri(), transport=transport)
        self._service = client.create_service(f"{{{messages.CONNECTOR}}}IVRConnectorSoap", url)
        self._spool = Spool(Path(spool))
        self._ivr = ivr
        self.away = False

    def new_call(self, channel: str, call_id: str) -> str:
        """A call began; returns the SignalId once CE has it, or while CE is away once it is on disk."""
        return self._give("NewCall", channel, call_id, StartedAt=_now(), Caller="+4930123456")

    def gone(self, channel: str, call_id: str) -> str:
        """It has ended."""
        return self._give("Gone", channel, call_id, EndedAt=_now(), Outcome="completed")

    def _give(self, operation: str, channel: str, call_id: str, **more: str) -> str:
        signal = {"SignalId": str(uuid4()), "IvrName": self._ivr, "Channel": channel, "CallId": call_id, **more}
        path = self._spool.keep(operation, signal)
        if not self.away:
            self._send(operation, signal)
            path.unlink()
        return signal["SignalId"]

    def _send(self, operation: str, signal: dict[str, Any]) -> None:
        while True:
            try:
                self._service[operation](**signal)
            except (requests.RequestException, zeep.exceptions.TransportError):
                self._session.close()
                time.sleep(AGAIN)
            else:
                return

    def replay(self) -> int:
        """Send what is in the spool; returns how many signals that were."""
        paths = self._spool.kept()
        for path in paths:
            operation, signal = json.loads(path.read_bytes())
            self._send(operation, signal)
            path.unlink()
        return len(paths)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def main(wsdl: str, url: str, ivr: str, spool: str) -> None:
    """Obey until the input ends."""
    logging.disable()
    script = Script(wsdl, url, ivr, spool)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "away" in order:
            script.away = order["away"]
            answer: Any = None
        elif "replay" in order:
            answer = script.replay()
        else:
            answer = carry_out(Order(**order), script.new_call, script.gone)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
