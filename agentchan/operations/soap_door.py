"""The SOAP door: an IVR script that speaks to CE today only changes its URL."""

from __future__ import annotations

from http import HTTPStatus
from uuid import uuid4

import structlog
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from agentchan.accepting import Accepted
from agentchan.api import requests
from agentchan.api.fields import IDENTIFIER, NAME, checked_token
from agentchan.api.refusals import Malformed, Refused, UnknownChannel
from agentchan.api.routes import SOAP_PATH
from agentchan.ce.dialer import DialFailed
from agentchan.ce.door_codec import Asked, DoorCodec, DoorFault, Said
from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.soap import Message
from agentchan.operations.base import Base
from agentchan.parts import Parts
from agentchan.vocabulary import ChannelState, Fate, Meaning

log = structlog.get_logger("agentchan.soap_door")

READ_HERE = 32 * 1024
"""Bytes of a request or a WSDL; a longer one is read in a thread, since the reactor must not be kept for 10 ms."""

_MEANS = {
    "unknown-channel": Meaning.UNKNOWN_CHANNEL,
    "journal-unavailable": Meaning.RETRY,
}
"""What a refusal means in CE's words; every other is about the request itself."""


class SoapDoor(Base):
    """Answers by the profile's own WSDL."""

    def __init__(self, daemon: Parts) -> None:
        super().__init__(daemon)
        self._door = DoorCodec(daemon.profile)

    @property
    def soap_paths(self) -> tuple[str, ...]:
        """Where the vendor has it."""
        return self._daemon.profile.soap_paths

    def wsdl(self, base_url: str, name: str | None = None) -> requests.SoapAnswer | Deferred[requests.SoapAnswer]:
        """The WSDL with this door's own address in it, or a file that it imports.

        Raises:
            Refused: not-found, 404: there is no such file.
        """
        size = self._door.wsdl_size(name)
        if size is None:
            raise Refused("not-found", f"the WSDL imports no {name!r}", HTTPStatus.NOT_FOUND)
        address = f"{base_url}{next(iter(self.soap_paths), SOAP_PATH)}"
        if size <= READ_HERE:
            return self._wsdl(address, name)
        # A CE's whole WSDL may have a megabyte, which takes 20 ms to be written anew.
        reactor = self._daemon.reactor
        return deferToThreadPool(reactor, reactor.getThreadPool(), self._wsdl, address, name)

    def _wsdl(self, address: str, name: str | None) -> requests.SoapAnswer:
        return requests.SoapAnswer(HTTPStatus.OK, "text/xml; charset=utf-8", self._door.wsdl(address, name) or b"")

    def soap(self, request: requests.SoapRequest) -> Deferred[requests.SoapAnswer]:
        """One request of a script."""
        return Deferred.fromCoroutine(self._answered(request))

    async def _answered(self, request: requests.SoapRequest) -> requests.SoapAnswer:
        try:
            asked = await self._read(request)
            if asked.duty is None:
                return await self._other(asked, request)
            body = await self._signal(asked, request.who)
        except DoorFault as fault:
            return self._fault(fault)
        except Malformed as refused:
            return self._fault(DoorFault(Meaning.REFUSED, refused.message))
        except Refused as refused:
            channel = refused.channel if isinstance(refused, UnknownChannel) else None
            return self._fault(DoorFault(_MEANS.get(refused.code, Meaning.REFUSED), refused.message, channel))
        # An operation without a reply is answered by the bare status (WSDL 1.1, one-way).
        return requests.SoapAnswer(HTTPStatus.OK if body else HTTPStatus.ACCEPTED, self._door.media_type, body)

    async def _read(self, request: requests.SoapRequest) -> Asked:
        if len(request.body) <= READ_HERE:
            return self._door.read(request.body, request.action)
        reactor = self._daemon.reactor
        read: Asked = await deferToThreadPool(
            reactor, reactor.getThreadPool(), self._door.read, request.body, request.action
        )
        return read

    def _fault(self, fault: DoorFault) -> requests.SoapAnswer:
        return requests.SoapAnswer(self._door.status(fault), self._door.media_type, self._door.fault(fault))

    # -- call signals --------------------------------------------------------------------------------------------------

    async def _signal(self, asked: Asked, who: str) -> bytes:
        ivr = asked.fields.get("ivr")
        if ivr not in (None, self._daemon.configuration.ivr.name):
            raise DoorFault(Meaning.UNKNOWN_IVR, f"this is the daemon of {self._daemon.configuration.ivr.name}")
        if asked.duty == "new_call":
            return await self._new_call(asked, who)
        return await self._gone(asked, who)

    async def _new_call(self, asked: Asked, who: str) -> bytes:
        fields = asked.fields
        channel = _needed(fields.get("channel"), "the channel")
        request = requests.NewCallRequest(
            channel=channel,
            call_id=_needed(fields.get("call_id") or self._own_call_id(channel), "the call id"),
            who=who,
            caller=_checked(fields.get("caller"), "the caller", IDENTIFIER),
            called=_checked(fields.get("called"), "the called number", IDENTIFIER),
            started_at=asked.times.get("started_at"),
            signal_id=_checked(fields.get("signal_id"), "the signal id", IDENTIFIER),
            parameters=asked.parameters,
        )
        try:
            accepted = await self._daemon.accepting.new_call(request)
        except Refused as refused:
            if refused.code != "call-ended":
                raise
            # A NewCall for a call whose Gone was already applied changes nothing (contract, Idempotency).
            return self._new_call_after_its_gone(asked, request)
        fate = await self._confirmed(accepted)
        state = ChannelState.BUSY if not accepted.call.ended else self._idle(accepted.call.channel)
        return self._said(asked, accepted, state, fate)

    def _own_call_id(self, channel: str) -> str | None:
        """The id of a call where scripts give none: while one is open a NewCall can only be that one's, said again."""
        if self._daemon.profile.mapped["new_call"].uses("call_id"):
            return None
        open_call = self._daemon.calls.open_on(self._daemon.accepting.channel(channel))
        return open_call.call_id if open_call is not None else str(uuid4())

    def _new_call_after_its_gone(self, asked: Asked, request: requests.NewCallRequest) -> bytes:
        channel = self._daemon.accepting.channel(request.channel)
        call = self._daemon.calls.find(channel, request.call_id)
        # Where the script gives SignalIds, it is that by which CE knows a duplicate.
        duplicate = call is not None and call.new_call is not None and request.signal_id in (None, call.new_call)
        token = call.call_token if call is not None else None
        return self._door.reply(asked, Said(self._idle(channel), request.call_id, token, duplicate))

    async def _gone(self, asked: Asked, who: str) -> bytes:
        fields = asked.fields
        channel, call_id = fields.get("channel"), fields.get("call_id")
        token = fields.get("call_token")
        if token is not None and call_id is None:
            # CE's own token, or the call id, which stood for it while CE had not answered.
            accepting = self._daemon.accepting
            on = None if channel is None else accepting.channel(channel)
            named = await accepting.recalling.named(token, on)
            channel, call_id = named if named is not None else (channel, token)
        request = requests.GoneRequest(
            channel=_needed(channel, "the channel"),
            who=who,
            call_id=_checked(call_id, "the call id", IDENTIFIER),
            outcome=_checked(fields.get("outcome"), "the outcome", NAME),
            ended_at=asked.times.get("ended_at"),
            signal_id=_checked(fields.get("signal_id"), "the signal id", IDENTIFIER),
            parameters=asked.parameters,
        )
        accepted = await self._daemon.accepting.gone(request)
        fate = await self._confirmed(accepted)
        return self._said(asked, accepted, self._idle(accepted.call.channel), fate)

    async def _confirmed(self, accepted: Accepted) -> Fate:
        """The signal's fate, waited for where the configuration says so."""
        configuration = self._daemon.configuration
        if configuration.api.soap_reply != "confirmed" or accepted.fate is not Fate.PENDING:
            return accepted.fate
        return await self._daemon.delivering.awaited.of(accepted.signal_id, configuration.signals.reply_timeout)

    def _said(self, asked: Asked, accepted: Accepted, foretold: ChannelState, fate: Fate) -> bytes:
        """The answer: with CE's own word where it has answered, else with what it will say."""
        if fate is Fate.REFUSED:
            raise DoorFault(
                Meaning.REFUSED, "CE has refused the signal; 'agentchan signals list --fate refused' tells why"
            )
        call, channels = accepted.call, self._daemon.channels
        state = foretold
        if fate is Fate.CONFIRMED and call.channel in channels:
            reported = channels[call.channel].reported
            state = reported if reported is not ChannelState.UNKNOWN else foretold
        return self._door.reply(asked, Said(state, call.call_id, call.call_token, accepted.repeated))

    def _idle(self, channel: str) -> ChannelState:
        """What a channel is when its call is gone: as last wished."""
        channels = self._daemon.channels
        wished = channel in channels and channels[channel].wish.ready
        return ChannelState.READY if wished else ChannelState.NOT_READY

    # -- other operations ----------------------------------------------------------------------------------------------

    async def _other(self, asked: Asked, request: requests.SoapRequest) -> requests.SoapAnswer:
        daemon = self._daemon
        own = {duty.operation.name for duty in daemon.profile.mapped.values()}
        if asked.operation in own:
            raise DoorFault(Meaning.REFUSED, f"{asked.operation} is what the daemon does itself")
        if daemon.configuration.api.other_operations != "forward":
            text = f'{asked.operation} is not offered here; [api] other_operations = "forward" sends it to CE'
            raise DoorFault(Meaning.REFUSED, text)
        url = daemon.delivering.lanes.url if daemon.delivering.lanes is not None else None
        if url is None:
            raise DoorFault(Meaning.RETRY, "no CE host is active just now")
        try:
            return await self._forwarded(url, request)
        except (DialFailed, ExchangeFailed) as failure:
            raise DoorFault(Meaning.RETRY, f"CE did not answer: {failure.reason}") from None

    async def _forwarded(self, url: str, request: requests.SoapRequest) -> requests.SoapAnswer:
        """What the active host answers to a request that is none of ours; once, whatever comes of it."""
        daemon = self._daemon
        timings, patience = daemon.configuration.agent_channel, daemon.configuration.signals.reply_timeout
        connection = await daemon.dialer.dial(
            url,
            connect_timeout=timings.connect_timeout,
            tls_timeout=timings.connect_timeout,
            user_timeout=patience,
            on_bytes=lambda: None,
            on_lost=lambda _reason: None,
        )
        headers = [(b"Content-Type", (request.content_type or self._door.media_type).encode("latin-1", "replace"))]
        if request.action is not None:
            headers.append((b"SOAPAction", f'"{request.action}"'.encode("latin-1", "replace")))
        headers += daemon.codec.authentication.http_headers()
        try:
            exchange = connection.exchange(Message(request.body, tuple(headers)))
            answer = await exchange.addTimeout(patience, daemon.reactor, onTimeoutCancel=_late)
        finally:
            connection.abort("forwarded")
        return requests.SoapAnswer(answer.status, answer.content_type or self._door.media_type, answer.body)


def _late(_result: object, seconds: float) -> Failure:
    return Failure(ExchangeFailed(f"no answer within {seconds:g} s"))


def _needed(value: str | None, what: str) -> str:
    if not value:
        raise DoorFault(Meaning.REFUSED, f"{what} is missing")
    return checked_token(value, what, IDENTIFIER)


def _checked(value: str | None, what: str, longest: int) -> str | None:
    return checked_token(value, what, longest) if value else None
