"""A connected UDP socket: only then does the system tell of ICMP errors, and of nobody else's messages.

Twisted's own UDP port throws the error away that epoll reports alone (it takes it for an end of file), so this is a
descriptor of its own.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from agentchan.sip.errors import ExchangeFault
from agentchan.sip.flow import MESSAGES_IN_A_TURN, Flow
from agentchan.sip.location import Target
from agentchan.sip.message import LARGEST_MESSAGE

_IP_RECVERR = 11
_IPV6_RECVERR = 25
"""Linux; the socket module has no names for them. Without them a connected socket is told of "port unreachable", but
not of "host unreachable"."""

OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EPERM, errno.EACCES})
"""Errors that say nothing about the peer: shortage here, or a packet filter of this machine."""

_WORDS = {
    errno.ECONNREFUSED: "refused the message (ICMP: port unreachable)",
    errno.EHOSTUNREACH: "cannot be reached (no route, or ICMP: host unreachable)",
    errno.ENETUNREACH: "cannot be reached (no route to that network)",
}


def system_fault(where: str, number: int | None) -> ExchangeFault:
    """An error of the system in an operator's words."""
    words = _WORDS.get(number or 0) or f"cannot be asked ({os.strerror(number) if number else 'socket closed'})"
    return ExchangeFault(f"{where} {words}", ours=number in OURS)


@implementer(IReadDescriptor)
class UdpFlow(Flow):
    """Datagrams to one address and port."""

    def __init__(self, reactor: Any, target: Target, on_idle: Callable[[Flow], None]) -> None:
        """Open the socket.

        Raises:
            ExchangeFault: the system does not let us.
        """
        super().__init__(reactor, target, on_idle)
        family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        try:
            self._socket: socket.socket | None = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            raise system_fault(target.where, error.errno) from error
        try:
            _tell_of_errors(self._socket, family)
            self._socket.connect((target.address, target.port))
            local = self._socket.getsockname()
        except OSError as error:
            self._socket.close()
            raise system_fault(target.where, error.errno) from error
        reactor.addReader(self)
        self.opened((local[0], local[1]))

    def send(self, message: bytes) -> None:
        """One datagram; a full buffer loses it, as any network may."""
        if self._socket is None:
            return
        try:
            self._socket.send(message)
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(error.errno)

    def close(self) -> None:
        """Let the socket go."""
        self.usable = False
        closing, self._socket = self._socket, None
        if closing is not None:
            self.reactor.removeReader(self)
            closing.close()

    def fileno(self) -> int:
        """The reactor's."""
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """The reactor's."""
        return "sip-udp"

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """Datagrams are there, or an error."""
        for _ in range(MESSAGES_IN_A_TURN):
            if self._socket is None:
                return
            try:
                message = self._socket.recv(LARGEST_MESSAGE + 1)
            except BlockingIOError:
                return
            except OSError as error:
                self._fail(error.errno)
                return
            self.received(message)

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802, ARG002 - Twisted's signature
        """Epoll reported an error and no datagram; the socket knows which."""
        if self._socket is not None:
            number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._fail(number or None)

    def _fail(self, number: int | None) -> None:
        self.close()
        self.failed(system_fault(self.target.where, number))


def _tell_of_errors(opened: socket.socket, family: int) -> None:
    """Ask for all ICMP errors, where the system knows how."""
    try:
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        else:
            opened.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    except OSError:  # another system; "port unreachable" is told of everywhere
        return
