"""One OPTIONS request on its way: a non-INVITE client transaction (RFC 3261, 17.1.2).

The deadline (Timer F) is the prober's, shared by all transactions of a probe. T2 is eight times T1, as in the RFC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from agentchan.sip.errors import ExchangeFault
from agentchan.sip.message import Answer, OptionsRequest

_T2_IN_T1 = 8.0


@define(eq=False)
class Transaction:
    """Sends, sends again over UDP, and waits for the final answer.

    Attributes:
        clock: the reactor's.
        t1: seconds until the first retransmission; None over TCP and TLS, which lose nothing.
        outcome: the final answer; fails with ExchangeFault. Cancelling it ends the transaction.
        note: what came and was no answer, for people; None where nothing came.
        began: when the request was sent first, None before.
        answered: whether the final answer has come.
    """

    clock: Any
    t1: float | None
    on_end: Callable[[Transaction], None]
    outcome: Deferred[Answer] = field(init=False)
    note: str | None = field(default=None, init=False)
    began: float | None = field(default=None, init=False)
    answered: bool = field(default=False, init=False)
    _request: OptionsRequest | None = field(default=None, init=False)
    _send: Callable[[bytes], None] | None = field(default=None, init=False)
    _message: bytes = field(default=b"", init=False)
    _delay: float = field(default=0.0, init=False)
    _proceeding: bool = field(default=False, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _over: bool = field(default=False, init=False)

    @outcome.default
    def _new_outcome(self) -> Deferred[Answer]:
        return Deferred(lambda _: self._end())

    def start(self, request: OptionsRequest, send: Callable[[bytes], None]) -> None:
        """Begin, now that there is a way to send."""
        self._request, self._send, self._message = request, send, request.encode()
        self.began = self.clock.seconds()
        self._transmit()
        if self.t1 is not None and not self._over:
            self._delay = self.t1
            self._timer = self.clock.callLater(self._delay, self._again)

    def received(self, answer: Answer) -> None:
        """An answer with this branch."""
        if self._over or self._request is None:
            return
        mismatch = answer.mismatch(self._request)
        if mismatch is not None:
            self.note = f"{mismatch} came"
        elif answer.final:
            self.answered = True
            self._end()
            self.outcome.callback(answer)
        else:
            self.note = f"only a provisional {answer.code} came"
            self._proceeding = True

    def failed(self, fault: ExchangeFault) -> None:
        """There is no way to send any more."""
        if not self._over:
            self._end()
            self.outcome.errback(fault)

    def _again(self) -> None:
        """Timer E."""
        self._timer = None
        self._transmit()
        if not self._over and self.t1 is not None:
            t2 = _T2_IN_T1 * self.t1
            self._delay = t2 if self._proceeding else min(2 * self._delay, t2)
            self._timer = self.clock.callLater(self._delay, self._again)

    def _transmit(self) -> None:
        if self._send is not None:
            self._send(self._message)

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self.on_end(self)
