"""The codec: a duty to the bytes of its message, and the bytes of an answer to what it means.

Everything that depends on a site comes from its profile, compiled when that is loaded. Nothing here does I/O; both
directions may be used in any thread.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from http import HTTPStatus
from uuid import uuid4
from xml.sax.saxutils import escape

from attrs import frozen
from lxml import etree

from agentchan.ce.credentials import Authentication
from agentchan.ce.envelope import NotSoap, content_type, fault_of, is_soap, opened, wrapped
from agentchan.ce.errors import CannotEncode, ExchangeFailed
from agentchan.ce.messages import Filling, Values
from agentchan.ce.profile import Duty, Profile
from agentchan.ce.replies import Found
from agentchan.ce.templates import seconds_of
from agentchan.ce.wsdl import Operation, Service, SoapVersion
from agentchan.ce.xml_input import XmlRefused, parse_xml
from agentchan.vocabulary import (
    ChannelReport,
    ChannelState,
    CloseSession,
    DomainState,
    Gone,
    Heartbeat,
    Meaning,
    NewCall,
    OpenSession,
    Rank,
    Reply,
    Request,
    Role,
    ServerStatus,
    SetReadiness,
)

_WSA = "http://www.w3.org/2005/08/addressing"
_LONGEST_MESSAGE = 300
_CHANNELS_REMEMBERED = 16384
_LONGEST_WORD = 200

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
        self._who: dict[str, object] = {"ivr": ivr, "instance_id": instance_id}
        patterns = tuple(channel_values.items())

        @lru_cache(maxsize=_CHANNELS_REMEMBERED)
        def values_of(channel: str) -> Mapping[str, str]:
            found: dict[str, str] = {}
            for pattern, values in patterns:
                if fnmatchcase(channel, pattern):
                    found.update({f"channel.{key}": value for key, value in values.items()})
            return found

        self._values_of: Callable[[str], Mapping[str, str]] = values_of

    # -- requests ------------------------------------------------------------------------------------------------------

    def encode(self, request: Request, url: str) -> Message:
        """A request to the IVR Connector at a URL.

        Raises:
            CannotEncode: this profile cannot say it.
            KeyError: the duty is not mapped.
        """
        duty = self._profile.mapped[_DUTIES[type(request)]]
        return self._message(self._profile.connector, duty, self._filling(request), url)

    def encode_get_status(self, url: str) -> Message:
        """The plain question to a Component Service."""
        return self._status_question("get_status", {}, url)

    def encode_watch_status(self, known: ServerStatus | None, max_wait: float, url: str) -> Message:
        """The question that is held back until something differs from what is known, or ``max_wait`` s have passed."""
        status = known or ServerStatus(Role.STANDBY, DomainState.RUNNING, generation=0)
        values = {
            "known_role": status.role.value,
            "known_state": status.state.value,
            "known_generation": str(status.generation or 0),
            "max_wait": float(max_wait),
        }
        return self._status_question("watch_status", values, url)

    def _status_question(self, name: str, values: Values, url: str) -> Message:
        service = self._profile.component
        if service is None:
            raise KeyError(name)
        filling = Filling({**self._who, **values}, {}, {})
        return self._message(service, self._profile.mapped[name], filling, url)

    def _message(self, service: Service, duty: Duty, filling: Filling, url: str) -> Message:
        version, operation = service.version, duty.operation
        header = self._profile.headers + self.authentication.soap_header()
        if self._profile.addressing:
            header += _addressing(operation, service, url)
        headers = [(b"Content-Type", content_type(version, operation.action).encode())]
        if version is SoapVersion.SOAP_11:
            headers.append((b"SOAPAction", b'"%b"' % operation.action.encode()))
        headers += self.authentication.http_headers()
        return Message(wrapped(version, header, duty.request.fill(filling)), tuple(headers))

    def _filling(self, request: Request) -> Filling:
        match request:
            case OpenSession(ivr, instance_id, channels):
                values = {"ivr": ivr, "instance_id": instance_id}
                return Filling(
                    values, {"channel": [{"channel": channel, **self._values_of(channel)} for channel in channels]}, {}
                )
            case SetReadiness(session_id, changes):
                each: list[Values] = [
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
        duty = self._profile.mapped[_DUTIES[type(request)]]
        element = _content(self._profile.connector.version, status, media_type, body)
        fault = self._fault(self._profile.connector, duty, element, status)
        if fault is not None:
            return fault
        _check(self._profile.connector, duty, element, status)
        found = duty.reply.read(element)
        try:
            return _reply(request, duty, found, duty.reply.meaning(element))
        except (ValueError, LookupError) as error:
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
        service, duty = self._profile.component, self._profile.mapped[name]
        if service is None:
            raise KeyError(name)
        element = _content(service.version, status, media_type, body)
        fault = fault_of(service.version, element)
        if fault is not None:
            code = "/".join(fault.code) or "no code"
            raise ExchangeFailed(f"{duty.operation.name} got a fault ({code}): {_bounded(fault.text)}")
        _check(service, duty, element, status)
        try:
            return _status(duty, duty.reply.read(element).texts)
        except (ValueError, LookupError) as error:
            raise ExchangeFailed(f"the reply to {duty.operation.name} makes no sense: {error}") from None

    def _fault(self, service: Service, duty: Duty, element: etree._Element, status: int) -> Reply | None:
        fault = fault_of(service.version, element)
        if fault is None:
            return None
        for part in fault.detail if fault.detail is not None else ():
            wrong = service.schema.fault_of_known(part)
            if wrong is not None:
                raise ExchangeFailed(f"{duty.operation.name} got a fault whose detail is not as its WSDL says: {wrong}")
        found = duty.faults.read(fault.detail)
        meaning = duty.faults.meaning((*fault.code, fault.text), fault.detail)
        text = fault.text or "/".join(fault.code) or f"HTTP status {status}"
        return Reply(
            meaning or Meaning.RETRY,
            _bounded(text),
            active_server=found.texts.get("active_server"),
            channels=tuple(found.several.get("channel", ())),
            call_id=found.texts.get("call_id"),
            placed=meaning is not None,
        )


def _content(version: SoapVersion, status: int, media_type: str | None, body: bytes) -> etree._Element:
    """The element in an answer's body."""
    faulty = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_REQUEST)
    if status != HTTPStatus.OK and status not in faulty:
        raise ExchangeFailed(f"answered with HTTP status {status}")
    if not body:
        raise ExchangeFailed(f"answered with HTTP status {status} and an empty body")
    if not is_soap(media_type):
        raise ExchangeFailed(f"answered with HTTP status {status} and {_named(media_type)}, not XML")
    try:
        return opened(version, parse_xml(body))
    except XmlRefused as error:
        raise ExchangeFailed(f"answered with what is not SOAP: {_bounded(str(error))}") from None
    except NotSoap as error:
        raise ExchangeFailed(f"answered with what is not SOAP: {error}") from None


def _named(media_type: str | None) -> str:
    return "no Content-Type" if media_type is None else media_type[:_LONGEST_WORD]


def _check(service: Service, duty: Duty, element: etree._Element, status: int) -> None:
    """Make sure that a good reply is the operation's, and as its WSDL says."""
    name = duty.operation.name
    if status != HTTPStatus.OK:
        raise ExchangeFailed(f"answered {name} with HTTP status {status} and no fault")
    shape = duty.operation.reply
    if shape is None or element.tag != shape.tag:
        raise ExchangeFailed(f"answered {name} with {str(element.tag)[:_LONGEST_WORD]}")
    wrong = service.schema.fault(element, shape)
    if wrong is not None:
        raise ExchangeFailed(f"the reply to {name} is not as its WSDL says: {wrong}")


def _reply(request: Request, duty: Duty, found: Found, meaning: Meaning | None) -> Reply:
    """A good reply's results as ours."""
    texts = found.texts
    timeout = texts.get("session_timeout")
    return Reply(
        meaning or Meaning.CONFIRMED,
        session_id=texts.get("session_id"),
        server_name=texts.get("server_name"),
        generation=_whole(texts.get("generation")),
        role=_role(duty, texts.get("role")),
        session_timeout=None if not timeout else seconds_of(timeout),
        reports=_reports(request, duty, found),
        call_token=texts.get("call_token") or None,
        call_id=texts.get("call_id") or None,
    )


def _reports(request: Request, duty: Duty, found: Found) -> tuple[ChannelReport, ...]:
    if found.reports:
        return tuple(_report(duty, report, report["channel"]) for report in found.reports)
    state = found.texts.get("state")
    if state is None:
        return ()
    if isinstance(request, NewCall | Gone):
        reported = _report(duty, found.texts, request.channel)
        if reported.state.in_call and reported.call_id is None and isinstance(request, NewCall):
            # Of a NewCall's answer: the call that is held is the one that was told of.
            return (ChannelReport(request.channel, reported.state, request.call_id),)
        return (reported,)
    if isinstance(request, SetReadiness) and len(request.changes) == 1:
        return (_report(duty, found.texts, request.changes[0].channel),)
    return ()


def _report(duty: Duty, texts: Mapping[str, str], channel: str) -> ChannelReport:
    state = texts.get("state")
    known = ChannelState.UNKNOWN if state is None else ChannelState(_ours(duty, "state", state))
    return ChannelReport(channel, known, texts.get("call_id") or None)


def _status(duty: Duty, texts: Mapping[str, str]) -> ServerStatus:
    role = _role(duty, texts.get("role"))
    if role is Role.UNKNOWN:
        raise ValueError("it does not say the host's role")
    rank, state, since = texts.get("rank"), texts.get("state"), texts.get("since")
    return ServerStatus(
        role,
        DomainState.RUNNING if state is None else DomainState(_ours(duty, "state", state)),
        domain=texts.get("domain") or None,
        server_name=texts.get("server_name") or None,
        rank=None if not rank else Rank(_ours(duty, "rank", rank)),
        generation=_whole(texts.get("generation")),
        since=None if not since else _instant(since),
        connector_url=texts.get("connector_url") or None,
        active_server=texts.get("active_server") or None,
    )


def _role(duty: Duty, text: str | None) -> Role:
    return Role.UNKNOWN if text is None else Role(_ours(duty, "role", text))


def _ours(duty: Duty, name: str, word: str) -> str:
    """Our word for a site's."""
    return duty.words.get(name, {}).get(word, word)


def _whole(text: str | None) -> int | None:
    # More digits than any integer of a schema has are no number, however long Python's may be.
    if text is None or text == "":
        return None
    if len(text) > len(str(2**64)):
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _instant(text: str) -> datetime | None:
    """A time for people; one that Python does not have is left out."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _addressing(operation: Operation, service: Service, url: str) -> str:
    """WS-Addressing 1.0 headers."""
    action = operation.action or f"{service.namespace}/{operation.name}"
    return (
        f'<a:Action xmlns:a="{_WSA}" s:mustUnderstand="1">{escape(action)}</a:Action>'
        f'<a:MessageID xmlns:a="{_WSA}">urn:uuid:{uuid4()}</a:MessageID>'
        f'<a:ReplyTo xmlns:a="{_WSA}"><a:Address>{_WSA}/anonymous</a:Address></a:ReplyTo>'
        f'<a:To xmlns:a="{_WSA}" s:mustUnderstand="1">{escape(url)}</a:To>'
    )


def _bounded(text: str) -> str:
    """A text from outside for one line of a log."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:_LONGEST_MESSAGE]
