"""What the kernel knows of TCP connections: evidence that does not depend on when a busy or frozen process looks.

Linux only. Where the kernel will not tell (another system, a sandbox without socket diagnosis), the answer is None, and
the invariants that would use it find nothing.
"""

from __future__ import annotations

import errno
import socket
import struct

from attrs import frozen

TCP_INFO_SIZE = 60
"""Bytes of ``struct tcp_info`` up to the field that is needed here."""
STATE_AT, LAST_DATA_RECEIVED_AT = 0, 52
"""Where ``tcpi_state`` (one byte) and ``tcpi_last_data_recv`` (milliseconds, 32 bits) stand in it (linux/tcp.h)."""
ESTABLISHED = 1

SOCK_DIAG = 4
"""NETLINK_SOCK_DIAG: the netlink family that ``ss`` asks."""
SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST = 20, 1
HEADER = struct.Struct("=IHHII")
NO_COOKIE = 0xFFFFFFFF
ALL_STATES = 0xFFFFFFFF


@frozen
class Ends:
    """The two ends of an IPv4 TCP connection, as seen from one of them."""

    local: tuple[str, int]
    remote: tuple[str, int]


def seconds_since_arrival(connection: socket.socket) -> float:
    """Seconds since the last byte from the peer arrived in the kernel, read or not; exact to a few milliseconds."""
    try:
        found = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
    except OSError:  # the connection has gone, or is no TCP
        return 0.0
    milliseconds: int = struct.unpack_from("=I", found, LAST_DATA_RECEIVED_AT)[0]
    return milliseconds / 1000


def peer_is_there(connection: socket.socket) -> bool:
    """Whether the peer has neither closed nor reset the connection, whether or not this process has noticed yet."""
    try:
        found = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
    except OSError:
        return False
    return found[STATE_AT] == ESTABLISHED


def is_open(ends: Ends) -> bool | None:
    """Whether the process at the local end has neither closed nor reset the connection; None: unknown.

    The process at the other end may be frozen or dead; the local end must be on this machine.
    """
    (local, local_port), (remote, remote_port) = ends.local, ends.remote
    try:
        identity = struct.pack(
            "!HH4s12x4s12x", local_port, remote_port, socket.inet_aton(local), socket.inet_aton(remote)
        ) + struct.pack("=III", 0, NO_COOKIE, NO_COOKIE)
        request = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, ALL_STATES) + identity
        header = HEADER.pack(HEADER.size + len(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, SOCK_DIAG) as netlink:
            netlink.setblocking(False)
            netlink.send(header + request)
            reply = netlink.recv(4096)
    except OSError:
        return None
    kind = HEADER.unpack_from(reply)[1]
    if kind == SOCK_DIAG_BY_FAMILY:
        return reply[HEADER.size + 1] == ESTABLISHED
    error: int = struct.unpack_from("=i", reply, HEADER.size)[0]
    return False if -error == errno.ENOENT else None
