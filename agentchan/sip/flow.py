"""A way to one server, shared by the transactions that are under way there; what UDP, TCP and TLS have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from attrs import frozen

from agentchan.sip.errors import ExchangeFault, MalformedMessage
from agentchan.sip.location import Target
from agentchan.sip.message import OptionsRequest, read_answer
from agentchan.sip.transaction import Transaction
from agentchan.sip.uri import SipUri

MESSAGES_IN_A_TURN = 8
"""Messages of one flow that are looked at in one turn of the reactor: less than 3 ms of work, whatever they are."""


@frozen
class Purpose:
    """What a transaction is about."""

    uri: SipUri
    branch: str
    call_id: str
    tag: str


class Flow(ABC):
    """One connected socket.

    Attributes:
        answered: whether it has brought a final answer.
        usable: whether new transactions may begin on it: not after it has failed, or left somebody without an answer,
            for routes and source addresses may have changed since it was opened.
        fault: why it failed, None while it has not.
    """

    def __init__(self, reactor: Any, target: Target, on_idle: Callable[[Flow], None]) -> None:
        self.reactor = reactor
        self.target = target
        self.answered = False
        self.usable = True
        self.fault: ExchangeFault | None = None
        self._on_idle = on_idle
        self._local: tuple[str, int] | None = None
        self._transactions: dict[str, tuple[Transaction, Purpose]] = {}

    @property
    def idle(self) -> bool:
        """Whether no transaction is under way."""
        return not self._transactions

    def begin(self, purpose: Purpose, t1: float) -> Transaction:
        """Send an OPTIONS request, as soon as that is possible."""
        transaction = Transaction(
            self.reactor, t1 if self.target.transport == "udp" else None, lambda ended: self._ended(purpose, ended)
        )
        self._transactions[purpose.branch] = (transaction, purpose)
        if self._local is not None:
            self._start(transaction, purpose)
        return transaction

    @abstractmethod
    def send(self, message: bytes) -> None:
        """Hand a message to the system."""

    @abstractmethod
    def close(self) -> None:
        """Let the socket go; no transaction may be under way."""

    def opened(self, local: tuple[str, int]) -> None:
        """Messages can be sent from this address."""
        self._local = local
        for transaction, purpose in tuple(self._transactions.values()):
            self._start(transaction, purpose)

    def received(self, message: bytes) -> None:
        """One message came; what is no answer of a transaction is dropped (RFC 3261, 18.1.2)."""
        try:
            answer = read_answer(message)
        except MalformedMessage as error:
            self._note(f"{error} came")
            return
        transaction, _ = self._transactions.get(answer.branch, (None, None))
        if transaction is None:
            self._note("an answer with another branch came")
            return
        self.answered = self.answered or answer.final
        transaction.received(answer)

    def failed(self, fault: ExchangeFault) -> None:
        """The socket is of no use any more."""
        self.usable = False
        self.fault = fault
        if self.idle:
            self._on_idle(self)
        for transaction, _ in tuple(self._transactions.values()):
            transaction.failed(fault)

    def _start(self, transaction: Transaction, purpose: Purpose) -> None:
        host, port = self._local or ("", 0)
        shown = f"[{host}]" if ":" in host else host
        request = OptionsRequest(
            uri=purpose.uri,
            transport=self.target.transport,
            sent_by=f"{shown}:{port}",
            branch=purpose.branch,
            call_id=purpose.call_id,
            tag=purpose.tag,
        )
        transaction.start(request, self.send)

    def _note(self, what: str) -> None:
        """It may have been meant for anybody who waits."""
        for transaction, _ in self._transactions.values():
            transaction.note = what

    def _ended(self, purpose: Purpose, transaction: Transaction) -> None:
        del self._transactions[purpose.branch]
        if not transaction.answered:
            self.usable = False
        if self.idle:
            self._on_idle(self)
