"""The smallest connector: NewCall and Gone alone, on the made-up WSDL of the profile ``minimum``.

It knows no sessions, no readiness and no SignalIds, and refuses by a number in a good answer. What it tells of calls
goes into the same domain as that of the reference contract, so calls survive a failover here too.
"""

from __future__ import annotations

import hashlib
import time
from enum import IntEnum
from typing import Any

from attrs import define

from agentchan.lab.calls import HeldCall
from agentchan.lab.connector import Connector
from agentchan.lab.domain import View
from agentchan.lab.history import Row
from agentchan.lab.http_wire import HttpConnection
from agentchan.lab.soap import Contract, Request

CONTRACT = Contract("minimum", "ivr_connector.wsdl")
NAMESPACE = CONTRACT.namespace


class Result(IntEnum):
    """What ``NewCallResult`` and ``GoneResult`` mean."""

    DONE = 0
    NOT_ACTIVE = 1
    DUPLICATE = 2
    HELD = 3
    UNKNOWN = 4


APPLIED = (Result.DONE, Result.DUPLICATE)


def token_of(ivr: str, channel: str, call_id: str) -> str:
    """The CallToken of a call; both hosts make the same."""
    return hashlib.sha256(f"{ivr}\x1f{channel}\x1f{call_id}".encode()).hexdigest()[:20]


@define(eq=False)
class MinimumConnector:
    """Serves the smallest contract from the domain that ``connector`` serves the reference contract from."""

    connector: Connector

    def execute(self, request: Request, connection: HttpConnection) -> str:
        """Carry out a valid request in one transaction; returns the body of the answer."""
        fields = request.fields
        call = (fields.get("IVR", ""), fields["ChannelName"], fields["CallID"])
        with self.connector.database.transaction():
            view = self.connector.membership.look()
            if not self.connector.acts_active(view):
                result = Result.NOT_ACTIVE
            elif request.operation == "NewCall":
                result = self._new_call(*call)
            else:
                call = (self._ivr_of(*call[1:]), *call[1:])
                result = self._gone(*call, fields.get("Token", ""))
            self._record(request, connection, view, call, result)
        answer = f"<{request.operation}Result>{result.value}</{request.operation}Result>"
        if request.operation == "NewCall" and result in APPLIED:
            answer += f"<CallToken>{token_of(*call)}</CallToken>"
        return f'<{request.operation}Response xmlns="{NAMESPACE}">{answer}</{request.operation}Response>'

    def _new_call(self, ivr: str, channel: str, call_id: str) -> Result:
        calls, known = self.connector.calls, self.connector.known
        if known and channel not in known.get(ivr, ()):
            return Result.UNKNOWN
        held = calls.held(ivr, channel)
        if calls.is_gone(ivr, channel, call_id) or (held is not None and held.call_id == call_id):
            return Result.DUPLICATE
        if held is not None:
            return Result.HELD
        calls.hold(ivr, channel, HeldCall("Busy", call_id), time.monotonic())
        return Result.DONE

    def _gone(self, ivr: str, channel: str, call_id: str, token: str) -> Result:
        calls, known = self.connector.calls, self.connector.known
        if known and channel not in known.get(ivr, ()):
            return Result.UNKNOWN
        if token not in ("", call_id, token_of(ivr, channel, call_id)):
            return Result.HELD
        held = calls.held(ivr, channel)
        if held is not None and held.call_id == call_id:
            calls.free(ivr, channel)
        elif calls.is_gone(ivr, channel, call_id):
            return Result.DUPLICATE
        elif held is not None:
            return Result.HELD
        calls.remember_gone(ivr, channel, call_id, time.time())
        return Result.DONE

    def _ivr_of(self, channel: str, call_id: str) -> str:
        # Gone does not name the IVR: it is the one that has the call, else the first that has the channel.
        having = [ivr for ivr, channels in self.connector.known.items() if channel in channels]
        return next(iter([*self.connector.calls.ivrs_of(channel, call_id), *having]), "")

    def _record(
        self, request: Request, connection: HttpConnection, view: View, call: tuple[str, str, str], result: Result
    ) -> None:
        ivr, channel, call_id = call
        applied = result in APPLIED
        details: dict[str, Any] = {"operation": request.operation, "fault": result.name, "message": ""}
        if applied:
            held = self.connector.calls.held(ivr, channel)
            details = {"state": held.state if held is not None else "NotReady"}
        self.connector.history.add(
            view.generation,
            Row(
                ("new-call" if request.operation == "NewCall" else "gone") if applied else "refused",
                ivr=ivr,
                channel=channel,
                call_id=call_id,
                connection=connection.name,
                peer_port=connection.peer_port,
                duplicate=result is Result.DUPLICATE if applied else None,
                details=details,
            ),
        )
