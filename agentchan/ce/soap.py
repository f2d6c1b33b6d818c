"""The codec: a duty to the bytes of its message, and the bytes of an answer to what it means.

Everything that depends on a site comes from its profile, compiled when that is loaded. Nothing here does I/O; both
directions may be used in any thread.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from uuid import uuid4

from attrs import frozen

from agentchan.ce.answers import answer_of, fault_reply_of, reply_of, status_of
from agentchan.ce.credentials import Authentication
from agentchan.ce.duties import COMPONENT_DUTIES
from agentchan.ce.envelope import SoapFault, content_type, wrapped
from agentchan.ce.errors import CannotEncode, ExchangeFailed
from agentchan.ce.messages import Filling, Values, cleaned
from agentchan.ce.profile import Duty, Profile
from agentchan.ce.wsdl import Operation, Service, SoapVersion
from agentchan.config.patterns import Patterns
from agentchan.vocabulary import (
    CloseSession,
    DomainState,
    Gone,
    Heartbeat,
    Meaning,
    NewCall,
    OpenSession,
    Reply,
    Request,
    Role,
    ServerStatus,
    SetReadiness,
)

_WSA = "http://www.w3.org/2005/08/addressing"
_CHANNELS_REMEMBERED = 16384
_DUTIES: Mapping[type, str] = {
    OpenSession: "open_session",
    SetReadiness: "set_readiness",
    Heartbeat: "heartbeat",
    CloseSession: "close_session",
    NewCall: "new_call",
    Gone: "gone",
}


@frozen
class Message:
    """What is posted."""

    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    duty: str = ""


class Codec:
    """Speaks one profile.

    Args:
        channel_values: the configuration's ``[ivr.channel_values]``: values by shell pattern of channel names; later
            patterns win.

    Attributes:
        session_id: of the agent channel's present session, for call signals that name it.
        authentication: how each request proves who we are; a reload may set it anew.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        ivr: str,
        instance_id: str,
        channel_values: Mapping[str, Mapping[str, str]],
        authentication: Authentication,
    ) -> None:
        self.session_id: str | None = None
        self.authentication = authentication
        self._profile = profile
        self._one_change_at_a_time = profile.one_change_at_a_time
        self._who: dict[str, object] = {"ivr": ivr, "instance_id": instance_id}
        self._headers = {name: _headers(self._service(name), duty) for name, duty in profile.mapped.items()}
        self.use_channel_values(channel_values)

    def use_channel_values(self, channel_values: Mapping[str, Mapping[str, str]]) -> None:
        """Use other values of the channels from now on, say after a reload."""
        patterns, given = Patterns.of(channel_values), tuple(channel_values.values())

        @lru_cache(maxsize=_CHANNELS_REMEMBERED)
        def values_of(channel: str) -> Mapping[str, str]:
            found: dict[str, str] = {}
            for place in patterns.matching(channel):
                found.update({f"channel.{key}": value for key, value in given[place].items()})
            return found

        self._values_of: Callable[[str], Mapping[str, str]] = values_of

    def _service(self, duty: str) -> Service:
        component = self._profile.component
        return component if component is not None and duty in COMPONENT_DUTIES else self._profile.connector

    # -- requests ------------------------------------------------------------------------------------------------------

    def encode(self, request: Request, url: str) -> Message:
        """A request to the IVR Connector at a URL.

        Raises:
            CannotEncode: this profile cannot say it.
            KeyError: the duty is not mapped.
        """
        return self._message(_DUTIES[type(request)], self._filling(request), url)

    def encode_get_status(self, url: str) -> Message:
        """The plain question to a Component Service."""
        return self._message("get_status", Filling(self._who, {}, {}), url)

    def encode_watch_status(self, known: ServerStatus | None, max_wait: float, url: str) -> Message:
        """The question that is held back until something differs from what is known, or ``max_wait`` s have passed."""
        status = known or ServerStatus(Role.STANDBY, DomainState.RUNNING, generation=0)
        values = {
            "known_role": status.role.value,
            "known_state": status.state.value,
            "known_generation": str(status.generation or 0),
            "max_wait": float(max_wait),
        }
        return self._message("watch_status", Filling({**self._who, **values}, {}, {}), url)

    def _message(self, name: str, filling: Filling, url: str) -> Message:
        service, duty = self._service(name), self._profile.mapped[name]
        header = self._profile.headers + self.authentication.soap_header()
        if self._profile.addressing:
            header += _addressing(duty.operation, service, url)
        body = wrapped(service.version, header, duty.request.fill(filling))
        return Message(body, self._headers[name] + self.authentication.http_headers(), name)

    def _filling(self, request: Request) -> Filling:
        match request:
            case OpenSession(ivr, instance_id, channels):
                each: list[Values] = [{"channel": channel, **self._values_of(channel)} for channel in channels]
                return Filling({"ivr": ivr, "instance_id": instance_id}, {"channel": each}, {})
            case SetReadiness(session_id, changes):
                if self._one_change_at_a_time and len(changes) != 1:
                    raise CannotEncode(f"a request of this profile has room for one channel, not for {len(changes)}")
                each = [
                    {
                        "channel": change.channel,
                        "ready": change.ready,
                        "reason": change.reason,
                        **self._values_of(change.channel),
                    }
                    for change in changes
                ]
                # Where a message has room for one channel, that one's fields are the message's.
                only = each[0] if len(each) == 1 else {}
                return Filling({**self._who, "session_id": session_id, **only}, {"change": each}, {})
            case Heartbeat(session_id):
                return Filling({**self._who, "session_id": session_id}, {}, {})
            case CloseSession(session_id, reason):
                return Filling({**self._who, "session_id": session_id, "reason": reason}, {}, {})
            case NewCall() | Gone():
                return self._signal(request)

    def _signal(self, signal: NewCall | Gone) -> Filling:
        values: dict[str, object] = {
            "ivr": signal.ivr,
            "instance_id": self._who["instance_id"],
            "session_id": self.session_id,
            "signal_id": signal.signal_id,
            "channel": signal.channel,
            "call_id": signal.call_id,
            **self._values_of(signal.channel),
        }
        if isinstance(signal, NewCall):
            values |= {"started_at": signal.started_at, "caller": signal.caller, "called": signal.called}
        else:
            token = signal.call_token or self._token_of(signal)
            values |= {"ended_at": signal.ended_at, "outcome": signal.outcome, "call_token": token}
        return Filling(values, {}, json.loads(signal.parameters) if signal.parameters else {})

    def _token_of(self, gone: Gone) -> str:
        """What stands for the token of a call whose NewCall's reply was lost."""
        instead = self._profile.call_token_missing
        if instead == "refuse" and self._profile.mapped["gone"].uses("call_token"):
            raise CannotEncode("CE's reply to the NewCall was lost, and with it the call token that its Gone needs")
        return gone.call_id if instead == "call-id" else ""

    # -- replies -------------------------------------------------------------------------------------------------------

    def decode(self, request: Request, status: int, media_type: str | None, body: bytes) -> Reply:
        """What an answer of the IVR Connector means.

        Raises:
            ExchangeFailed: it is none of the contract.
        """
        service, duty = self._profile.connector, self._profile.mapped[_DUTIES[type(request)]]
        answer = answer_of(service, duty, status, media_type, body, channels=_channels_in(request))
        try:
            if answer is None:
                return Reply(Meaning.CONFIRMED)
            if isinstance(answer, SoapFault):
                return fault_reply_of(duty, answer, status)
            return reply_of(request, duty, answer)
        except ValueError as error:
            raise ExchangeFailed(f"the reply to {duty.operation.name} makes no sense: {error}") from None

    def decode_status(self, name: str, status: int, media_type: str | None, body: bytes) -> ServerStatus:
        """What an answer of a Component Service says.

        Args:
            name: ``get_status`` or ``watch_status``.
            status: of HTTP.
            media_type: the Content-Type, None without one.
            body: what came.

        Raises:
            ExchangeFailed: it is none of the contract, or a fault.
        """
        duty = self._profile.mapped[name]
        answer = answer_of(self._service(name), duty, status, media_type, body)
        if isinstance(answer, SoapFault):
            code = "/".join(answer.code) or "no code"
            raise ExchangeFailed(f"{duty.operation.name} got a fault ({code}): {answer.text}")
        try:
            return status_of(duty, answer)
        except ValueError as error:
            raise ExchangeFailed(f"the reply to {duty.operation.name} makes no sense: {error}") from None


def _headers(service: Service, duty: Duty) -> tuple[tuple[bytes, bytes], ...]:
    """What every request for a duty has for HTTP headers."""
    action = duty.operation.action
    headers = ((b"Content-Type", content_type(service.version, action).encode()),)
    if service.version is SoapVersion.SOAP_12:
        return headers
    return (*headers, (b"SOAPAction", b'"%b"' % action.encode()))


def _channels_in(request: Request) -> int:
    """How many channels a reply may tell of."""
    match request:
        case OpenSession(channels=channels):
            return len(channels)
        case SetReadiness(changes=changes):
            return len(changes)
    return 0


def _addressing(operation: Operation, service: Service, url: str) -> str:
    """WS-Addressing 1.0 headers."""
    action = operation.addressing_action or f"{service.namespace}/{operation.name}"
    return (
        f'<a:Action xmlns:a="{_WSA}" s:mustUnderstand="1">{cleaned(action)}</a:Action>'
        f'<a:MessageID xmlns:a="{_WSA}">urn:uuid:{uuid4()}</a:MessageID>'
        f'<a:ReplyTo xmlns:a="{_WSA}"><a:Address>{_WSA}/anonymous</a:Address></a:ReplyTo>'
        f'<a:To xmlns:a="{_WSA}" s:mustUnderstand="1">{cleaned(url)}</a:To>'
    )
