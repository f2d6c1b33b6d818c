"""Who is at the other end of a connection."""

from __future__ import annotations

import pwd
import socket
import struct
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThreadPool

_CREDENTIALS = struct.Struct("3i")
_MOST_NAMES = 256
_LONGEST_LOOKUP = 0.5
"""Seconds. A directory service that is away must not keep an operator from draining."""


def peer_uid(transport: Any) -> int | None:
    """The user id of a Unix socket's peer by SO_PEERCRED (socket(7)); None where there is none."""
    handle = transport.getHandle()
    if not isinstance(handle, socket.socket) or handle.family != socket.AF_UNIX:
        return None
    try:
        octets = handle.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError:
        return None
    uid: int = _CREDENTIALS.unpack(octets)[1]
    return uid


def user_name(uid: int) -> str:
    """The name of a user id; blocks while a directory service is asked."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OSError):
        return f"uid {uid}"


class UserNames:
    """Names of users, looked up in a thread and remembered.

    One user is looked up once at a time: threads that wait for a directory service that is away would be missed
    elsewhere, where names of hosts are resolved.

    Args:
        reactor: for its thread pool and its clock.
        look_up: the blocking look-up.
    """

    def __init__(self, reactor: Any, look_up: Callable[[int], str] = user_name) -> None:
        self._reactor = reactor
        self._look_up = look_up
        self._names: dict[int, str] = {}
        self._waiting: dict[int, list[Deferred[str]]] = {}

    def of(self, uid: int) -> Deferred[str]:
        """The name, or ``uid N`` where there is none or it cannot be found out in time; never fails."""
        known = self._names.get(uid)
        if known is not None:
            return succeed(known)
        answer: Deferred[str] = Deferred()
        deadline = self._reactor.callLater(_LONGEST_LOOKUP, answer.callback, f"uid {uid}")
        if uid in self._waiting:
            self._waiting[uid].append(answer)
        else:
            self._waiting[uid] = [answer]
            pool = self._reactor.getThreadPool()
            deferToThreadPool(self._reactor, pool, self._look_up, uid).addBoth(self._found, uid)
        return answer.addCallback(self._in_time, deadline)

    def _found(self, name: Any, uid: int) -> None:
        text = name if isinstance(name, str) else f"uid {uid}"
        if len(self._names) < _MOST_NAMES:
            self._names[uid] = text
        for answer in self._waiting.pop(uid):
            if not answer.called:
                answer.callback(text)

    @staticmethod
    def _in_time(name: str, deadline: Any) -> str:
        if deadline.active():
            deadline.cancel()
        return name
