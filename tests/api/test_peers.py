"""Names of the users at the other end of a Unix socket."""

from __future__ import annotations

import os
import pwd
import socket
from typing import Any

from agentchan.api.peers import UserNames, peer_uid, user_name
from tests.api.wires import InlineReactor


class Transport:
    """A transport with a real socket below, or something else."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle

    def getHandle(self) -> Any:  # noqa: N802  Twisted's name
        """What is below."""
        return self.handle


class LateReactor(InlineReactor):
    """Threads that end when they are let."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[Any] = []

    def callInThreadWithCallback(self, *work: Any) -> None:  # noqa: N802  Twisted's name
        """Begin, for now without an end."""
        self.threads.append(work)

    def let(self) -> None:
        """The oldest thread ends."""
        super().callInThreadWithCallback(*self.threads.pop(0))


def answers_of(names: UserNames, *uids: int) -> list[str]:
    """Where the answers will be."""
    answers: list[str] = []
    for uid in uids:
        names.of(uid).addCallback(answers.append)
    return answers


def test_a_unix_peer_has_a_uid() -> None:
    """By the kernel's word; others have none."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_uid(Transport(ours)) == os.getuid()
    assert peer_uid(Transport(ours)) is None
    with socket.socket() as tcp:
        assert peer_uid(Transport(tcp)) is None
    assert peer_uid(Transport(object())) is None
    assert peer_uid(Transport(None)) is None


def test_names() -> None:
    """The name of a known user, the number of an unknown one."""
    assert user_name(0) == pwd.getpwuid(0).pw_name
    assert user_name(2**31 - 7) == f"uid {2**31 - 7}"


def test_names_are_looked_up_once() -> None:
    """And remembered."""
    asked: list[int] = []

    def look_up(uid: int) -> str:
        asked.append(uid)
        return f"user{uid}"

    reactor = InlineReactor()
    names = UserNames(reactor, look_up)
    assert answers_of(names, 1, 1, 2) == ["user1", "user1", "user2"]
    assert asked == [1, 2]
    assert reactor.getDelayedCalls() == []


def test_a_directory_service_that_is_away_keeps_nobody_waiting() -> None:
    """The number has to do; one thread at a time waits for a user's name, and it counts when it comes."""
    reactor = LateReactor()
    names = UserNames(reactor, lambda uid: f"user{uid}")
    answers = answers_of(names, 1, 1)
    assert (answers, len(reactor.threads)) == ([], 1)
    reactor.advance(0.6)
    assert answers == ["uid 1", "uid 1"]
    answers = answers_of(names, 1)
    assert len(reactor.threads) == 1
    reactor.let()
    assert answers == ["user1"]
    assert answers_of(names, 1) == ["user1"]
    assert reactor.getDelayedCalls() == []


def test_a_look_up_that_fails_gives_the_number() -> None:
    """Whatever the failure is."""
    assert answers_of(UserNames(InlineReactor(), lambda uid: f"{1 // 0}{uid}"), 7) == ["uid 7"]
