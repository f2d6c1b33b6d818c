"""The head of an HTTP/1.1 request, read strictly."""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import frozen


@frozen
class Head:
    """What the head of a request says; names of headers are in lower case."""

    method: str
    path: str
    query: str
    version: str
    headers: dict[str, str]
    body_length: int

    @property
    def keeps_alive(self) -> bool:
        """Whether the caller wants to use the connection again."""
        return self.version == "HTTP/1.1" and self.headers.get("connection", "").lower() != "close"


def read_head(octets: bytes) -> Head:
    """The head in ``octets``, without the empty line that ends it.

    Raises:
        ValueError: it is not the head of an HTTP/1 request.
    """
    first, *lines = octets.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise ValueError(version)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise ValueError(line)
        key = name.lower()
        if key in headers and key in ("content-length", "host"):
            raise ValueError(f"{name} twice")
        headers[key] = value.strip()
    length = headers.get("content-length", "0")
    if "host" not in headers or not (length.isascii() and length.isdigit()):
        raise ValueError("no Host, or a bad Content-Length")
    url = urlsplit(target)
    return Head(method, url.path, url.query, version, headers, int(length))
