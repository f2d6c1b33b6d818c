"""WSDLs on loopback, as servers of several kinds have them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from agentchan.ce.profile import SHIPPED

WSDLS = Path(__file__).parents[1] / "ce/wsdls"
REFERENCE = SHIPPED / "reference"
MINIMUM = SHIPPED / "minimum"

Pages = dict[str, bytes]


def wcf(address: str = "http://localhost/Connector.svc") -> Pages:
    """The WSDL of tests/ce/wsdls/wcf as Windows Communication Foundation serves it: one address, many queries."""
    folder = WSDLS / "wcf"
    targets = {
        "service.wsdl": "wsdl",
        "contract.wsdl": "wsdl=wsdl0",
        "messages.xsd": "xsd=xsd0",
        "serialization.xsd": "xsd=xsd1",
        "data.xsd": "xsd=xsd2",
        "arrays.xsd": "xsd=xsd3",
    }
    path = address.partition("://")[2].partition("/")[2]
    pages: Pages = {}
    for file in folder.rglob("*.*"):
        if file.name not in targets:
            continue
        text = file.read_text(encoding="utf-8")
        for name, query in targets.items():
            text = re.sub(rf'"(?:xsd/)?{re.escape(name)}"', f'"{address}?{query}"', text)
        pages[f"/{path}?{targets[file.name]}"] = text.encode()
    return pages


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    pages: Pages
    account: str | None
    asked: list[tuple[str, str | None]]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """A page, if there is one, and whoever asks may see it."""
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        body = self.server.pages.get(self.path)
        if self.server.account is not None and self.headers.get("Authorization") != self.server.account:
            self.send_response(401)
            body = b""
        elif body is None:
            self.send_response(404)
            body = b"<html>not here</html>"
        elif body.startswith(b"-> "):
            self.send_response(302)
            self.send_header("Location", body[3:].decode())
            body = b""
        else:
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing."""


@contextmanager
def serving(pages: Pages, account: str | None = None) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A server of these pages, by path and query; gives its address, and what it was asked, by whom."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.pages, server.account, server.asked = pages, account, []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server.asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
