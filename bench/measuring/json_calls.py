"""One IVR script that gives its calls to agentchan: JSON over HTTP on a connection that is kept (http.client).

    python -m measuring.json_calls HOST PORT

It is told what to do by lines of JSON (:class:`measuring.callers.Order`), and answers each with one.
"""

from __future__ import annotations

import http.client
import json
import sys
from typing import Any

from measuring.callers import Order, carry_out

HEADERS = {"Content-Type": "application/json"}


class Script:
    """The connection."""

    def __init__(self, host: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(host, port)

    def new_call(self, channel: str, call_id: str) -> str:
        """A call began; returns the SignalId once it is on disk."""
        return self._post("/v1/new-call", {"channel": channel, "call_id": call_id, "caller": "+4930123456"})

    def gone(self, channel: str, call_id: str) -> str:
        """It has ended."""
        return self._post("/v1/gone", {"channel": channel, "call_id": call_id, "outcome": "completed"})

    def _post(self, path: str, body: dict[str, Any]) -> str:
        try:
            response, answer = self._exchange(path, json.dumps(body))
        except ConnectionError:
            # It was idle for so long that the daemon has closed it. What is said again does no harm.
            self._connection.close()
            response, answer = self._exchange(path, json.dumps(body))
        if response.status != http.client.ACCEPTED:
            raise RuntimeError(f"{response.status}: {answer!r}")
        signal_id: str = json.loads(answer)["signal_id"]
        return signal_id

    def _exchange(self, path: str, body: str) -> tuple[http.client.HTTPResponse, bytes]:
        self._connection.request("POST", path, body, HEADERS)
        response = self._connection.getresponse()
        return response, response.read()


def main(host: str, port: str) -> None:
    """Obey until the input ends."""
    script = Script(host, int(port))
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(carry_out(Order(**json.loads(line)), script.new_call, script.gone)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
