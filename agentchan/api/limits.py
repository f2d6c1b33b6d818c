"""What a client of a door may use up, each with its reason."""

from __future__ import annotations

from attrs import frozen


@frozen
class Limits:
    """The limits of one door.

    Attributes:
        connections: at once; each costs some 10 kB.
        overflow: connections beyond them that are told so, at once; more are closed without a word.
        overflow_time: seconds that one of those has to ask.
        body: bytes; the list of 12,000 calls with long ids has 1.5 MB.
        bodies: bytes of all bodies that are being received or answered at once.
        request_time: seconds from a request's first byte to its last; a script on the same site needs milliseconds.
        idle_time: seconds that a connection may be kept without a request.
        stall_time: seconds that a client may leave an answer unread.
        rate: requests a second of one other host; scripts of a busy IVR host need a tenth. None: any number.
        streams: event streams at once.
        keep_alive: seconds between comments on a quiet event stream; under the usual proxy's and reader's minute.
    """

    connections: int = 256
    overflow: int = 32
    overflow_time: float = 1.0
    body: int = 2 * 1024 * 1024
    bodies: int = 16 * 1024 * 1024
    request_time: float = 10.0
    idle_time: float = 60.0
    stall_time: float = 20.0
    rate: float | None = None
    streams: int = 32
    keep_alive: float = 15.0


HEADERS = 16 * 1024
"""Bytes of a request line and all headers; the usual limit of servers is 8 to 16 KiB."""

HEADER_LINES = 64
"""Header lines; browsers send 15, proxies add some."""

LENGTH_DIGITS = 15
"""Digits of a Content-Length: a petabyte; Python's integers would be slow to read, or refuse, thousands of them."""
