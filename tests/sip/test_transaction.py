"""The transaction layer, by a clock that the test moves."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from agentchan.sip.errors import ExchangeFault
from agentchan.sip.message import read_answer
from agentchan.sip.transaction import Transaction
from tests.sip.samples import ANSWER, REQUEST


class TransactionTest(SynchronousTestCase):
    """One transaction with T1 = 125 ms."""

    def begin(self, t1: float | None = 0.125) -> Transaction:
        """Start it; what is sent is noted with its time."""
        self.clock = Clock()
        self.sent: list[float] = []
        self.ended: list[Any] = []
        transaction = Transaction(self.clock, t1, self.ended.append)
        transaction.start(REQUEST, lambda _: self.sent.append(self.clock.seconds()))
        return transaction

    def after_test(self, transaction: Transaction) -> None:
        """Nothing is left behind."""
        assert self.clock.getDelayedCalls() == []
        assert self.ended == [transaction]

    def test_retransmissions(self) -> None:
        """Over UDP the request goes out again after T1, 2 T1, 4 T1, 8 T1 and then every 8 T1."""
        transaction = self.begin()
        self.clock.pump([0.0625] * 64)
        assert self.sent == [0.0, 0.125, 0.375, 0.875, 1.875, 2.875, 3.875]
        transaction.outcome.cancel()
        self.failureResultOf(transaction.outcome, CancelledError)
        self.after_test(transaction)

    def test_reliable(self) -> None:
        """Over TCP it goes out once."""
        transaction = self.begin(None)
        self.clock.pump([1.0] * 5)
        assert self.sent == [0.0]
        transaction.received(read_answer(ANSWER))
        assert self.successResultOf(transaction.outcome).code == 200
        self.after_test(transaction)

    def test_final_answer(self) -> None:
        """A final answer ends it; copies of it change nothing."""
        transaction = self.begin()
        for _ in range(2):
            transaction.received(read_answer(ANSWER))
        assert self.successResultOf(transaction.outcome).code == 200
        self.after_test(transaction)

    def test_provisional_answer(self) -> None:
        """After a provisional answer the retransmission that is due still goes out, then they are rare (17.1.2.2)."""
        transaction = self.begin()
        transaction.received(evolve(read_answer(ANSWER), code=100))
        self.clock.pump([0.125] * 17)
        assert self.sent == [0.0, 0.125, 1.125, 2.125]
        assert transaction.note == "only a provisional 100 came"
        self.assertNoResult(transaction.outcome)
        transaction.received(read_answer(ANSWER))
        self.successResultOf(transaction.outcome)
        self.after_test(transaction)

    def test_somebody_elses_answer(self) -> None:
        """An answer that does not belong to the request is noted and dropped."""
        transaction = self.begin()
        transaction.received(evolve(read_answer(ANSWER), sequence=7))
        self.assertNoResult(transaction.outcome)
        assert transaction.note == "an answer with another CSeq came"
        transaction.failed(ExchangeFault("gone"))
        assert self.failureResultOf(transaction.outcome, ExchangeFault).value.reason == "gone"
        self.after_test(transaction)

    def test_unsendable(self) -> None:
        """A request that cannot even be sent starts no timer."""
        self.clock, self.ended = Clock(), []
        transaction = Transaction(self.clock, 0.125, self.ended.append)
        transaction.start(REQUEST, lambda _: transaction.failed(ExchangeFault("no route")))
        self.failureResultOf(transaction.outcome, ExchangeFault)
        self.after_test(transaction)
