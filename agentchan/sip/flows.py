"""The open ways to servers: shared while in use, kept a little longer, and never too many."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall

from agentchan.ce.tls import TlsSettings
from agentchan.sip.flow import Flow, Purpose
from agentchan.sip.location import Target
from agentchan.sip.stream_flow import StreamFlow
from agentchan.sip.transaction import Transaction
from agentchan.sip.udp_flow import UdpFlow
from agentchan.sip.uri import SipUri

_DATAGRAMS_KEPT = 5.0
"""Seconds (T4 of RFC 3261): late copies of an answer are taken in, instead of being answered by ICMP."""

_STREAMS_KEPT = 32.0
"""Seconds (64 T1 of RFC 3261, 18) that an idle connection waits for the next request."""

_MOST_DATAGRAMS_KEPT = 128
"""Idle UDP sockets; a new one costs next to nothing."""

_Key = tuple[str, str, int, str]
_Idle = OrderedDict[Flow, IDelayedCall]


@define(eq=False)
class Flows:
    """Makes flows, and lets them go.

    Attributes:
        tls: for connections that are made from now on.
        token: a text that nobody can guess, of at least 16 letters and digits, a new one each time.
        most_streams_kept: idle connections; a new one costs some milliseconds of processor time under TLS.
    """

    reactor: Any
    tls: TlsSettings
    token: Callable[[], str]
    most_streams_kept: int
    _usable: dict[_Key, Flow] = field(factory=dict, init=False)
    _every: dict[Flow, _Key] = field(factory=dict, init=False)
    _idle_datagrams: _Idle = field(factory=OrderedDict, init=False)
    _idle_streams: _Idle = field(factory=OrderedDict, init=False)

    def __len__(self) -> int:
        """How many sockets are open."""
        return len(self._every)

    def begin(self, target: Target, uri: SipUri, t1: float) -> tuple[Transaction, bool]:
        """Send OPTIONS to a server.

        Returns:
            The transaction; and whether it shares a way that has served before, so that its loss says little.

        Raises:
            ExchangeFault: there is no way to send.
        """
        secure = target.transport == "tls"
        key = (target.transport, target.address, target.port, uri.host if secure else "")
        flow = self._usable.get(key)
        if flow is None or not flow.usable:
            flow = self._open(target, uri)
            if flow.fault is not None:
                raise flow.fault
            self._usable[key] = flow
            self._every[flow] = key
        else:
            self._no_longer_idle(flow)
        served = flow.answered
        purpose = Purpose(uri, f"z9hG4bK{self.token()}", self.token(), self.token())
        return flow.begin(purpose, t1), served

    def use_tls(self, tls: TlsSettings) -> None:
        """After a reload: what was verified by the old settings serves nobody new."""
        self.tls = tls
        for flow, key in tuple(self._every.items()):
            if key[0] == "tls":
                flow.usable = False
                if flow.idle:
                    self._became_idle(flow)

    def close(self) -> None:
        """Let everything go; no transaction may be under way."""
        for flow in tuple(self._every):
            flow.usable = False
            self._became_idle(flow)

    def _open(self, target: Target, uri: SipUri) -> Flow:
        if target.transport == "udp":
            return UdpFlow(self.reactor, target, self._became_idle)
        tls = self.tls if target.transport == "tls" else None
        return StreamFlow(self.reactor, target, self._became_idle, tls=tls, name=uri.host)

    def _became_idle(self, flow: Flow) -> None:
        if not flow.usable:
            self._drop(flow)
            return
        idle, kept, most = self._idle_streams, _STREAMS_KEPT, self.most_streams_kept
        if flow.target.transport == "udp":
            idle, kept, most = self._idle_datagrams, _DATAGRAMS_KEPT, _MOST_DATAGRAMS_KEPT
        idle[flow] = self.reactor.callLater(kept, self._drop, flow)
        if len(idle) > most:
            self._drop(next(iter(idle)))

    def _no_longer_idle(self, flow: Flow) -> None:
        timer = self._idle_datagrams.pop(flow, None) or self._idle_streams.pop(flow, None)
        if timer is not None and timer.active():
            timer.cancel()

    def _drop(self, flow: Flow) -> None:
        self._no_longer_idle(flow)
        key = self._every.pop(flow, None)
        if key is not None and self._usable.get(key) is flow:
            del self._usable[key]
        flow.close()
