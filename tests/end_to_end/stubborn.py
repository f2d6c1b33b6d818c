"""A connector that does not take readiness: a proxy before a real one, which reports a channel as it was."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

TAKEN = b"<State>Ready</State>"
NOT_TAKEN = b"<State>NotReady</State>"


class _Handler(BaseHTTPRequestHandler):
    """One connection of a caller, with one of its own to the real connector."""

    protocol_version = "HTTP/1.1"
    server: StubbornConnector

    def setup(self) -> None:
        super().setup()
        self.upstream = http.client.HTTPConnection(self.server.host, self.server.port)

    def finish(self) -> None:
        self.upstream.close()
        super().finish()

    def do_POST(self) -> None:
        request = self.rfile.read(int(self.headers["Content-Length"]))
        kept = {name: self.headers[name] for name in ("Content-Type", "SOAPAction") if name in self.headers}
        self.upstream.request("POST", self.path, request, kept)
        answer = self.upstream.getresponse()
        body = answer.read()
        if self.server.stubborn and b"SetReadinessResponse" in body:
            body = body.replace(TAKEN, NOT_TAKEN)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class StubbornConnector(ThreadingHTTPServer):
    """Serves on a port of its own, inside its context, what the connector at ``url`` answers.

    Attributes:
        stubborn: whether channels that were made ready are reported not ready.
        url: where callers find it.
    """

    daemon_threads = True

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        real = urlsplit(url)
        self.host, self.port = real.hostname or "", real.port
        self.stubborn = True
        self.url = f"http://127.0.0.1:{self.server_address[1]}{real.path}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
