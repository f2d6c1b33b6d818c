"""Reads answers without keeping the reactor: a long one is read in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from agentchan.ce.http_post import HttpAnswer

DECODED_HERE = 64 * 1024
"""Bytes: to decode a longer answer could keep the reactor for 10 ms."""

_Meant = TypeVar("_Meant")


async def decoded(
    reactor: Any, answer: HttpAnswer, decode: Callable[[], _Meant], threads: ThreadPool | None = None
) -> _Meant:
    """What an answer means.

    Args:
        reactor: Twisted's.
        answer: what CE has sent.
        decode: reads it; may be called in a thread.
        threads: the reactor's own without them.
    """
    if len(answer.body) <= DECODED_HERE:
        return decode()
    meant: _Meant = await deferToThreadPool(reactor, threads or reactor.getThreadPool(), decode)
    return meant
