"""What an IVR script sends to the SOAP door, by every profile that is at hand: always an answer that its WSDL knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from lxml import etree
from twisted.internet.defer import Deferred

from agentchan.accepting import Accepted
from agentchan.api import requests
from agentchan.api.refusals import Refused, UnknownChannel
from agentchan.core.calls import Call, Calls
from agentchan.core.channel import Wish
from agentchan.core.channels import Channels
from agentchan.operations.soap_door import SoapDoor
from agentchan.vocabulary import Fate
from tests.ce.wsdls import ALL, codec, profile
from tests.config.texts import good
from tests.fuzz.soap_replies import XML, changed_tree, is_xml
from tests.fuzz.target import Target

STATUSES = {200, 202, 400, 500}
CHANNEL = "ivr1-001"


class _Accepting:
    """Accepts every signal of one channel, and remembers nothing."""

    recalling: _Accepting

    def __init__(self) -> None:
        self.recalling = self

    def channel(self, name: str) -> str:
        if name != CHANNEL:
            raise UnknownChannel(name)
        return name

    async def named(self, token: str, on: str | None) -> tuple[str, str] | None:
        return (CHANNEL, "call-1") if token == "token-1" and on in (None, CHANNEL) else None

    async def new_call(self, request: requests.NewCallRequest) -> Accepted:
        if request.call_id == "ended":
            raise Refused("call-ended", "the call has ended", 409)
        return Accepted("s", Fate.PENDING, Call(self.channel(request.channel), request.call_id, 0.0))

    async def gone(self, request: requests.GoneRequest) -> Accepted:
        call = Call(self.channel(request.channel), request.call_id or "", 0.0)
        return Accepted(request.signal_id or "s", Fate.CONFIRMED, call, repeated=True)


def _door(name: str) -> SoapDoor:
    daemon: Any = SimpleNamespace(
        configuration=good(
            f'[ivr]\nname = "ivr1"\nchannels = ["{CHANNEL}"]\n[component_link]\nurls = ["http://ce1/"]\n'
        ),
        profile=profile(name),
        codec=codec(name),
        calls=Calls(),
        channels=Channels([CHANNEL], Wish(ready=True), 0.0),
        accepting=_Accepting(),
        delivering=SimpleNamespace(lanes=None),
    )
    return SoapDoor(daemon)


_DOORS = {name: _door(name) for name in ALL}


def _works(data: bytes) -> Iterator[Callable[[], object]]:
    for name in ALL if is_xml(data) else ("reference",):
        yield lambda name=name: _answered(_DOORS[name], data)  # type: ignore[misc]  # the name of now


def _answered(door: SoapDoor, data: bytes) -> str:
    answers: list[Any] = []
    asked: Deferred[requests.SoapAnswer] = door.soap(
        requests.SoapRequest("/IVRConnector", data, "text/xml", "urn:x", "http://here:1", "script")
    )
    asked.addBoth(answers.append)
    answer = answers[0]
    assert isinstance(answer, requests.SoapAnswer), answer
    assert answer.status in STATUSES
    if answer.status == 202:
        assert answer.body == b""
        return "202"
    root = etree.fromstring(answer.body)
    return f"{answer.status} {''.join(root.itertext())}"


TARGET = Target("soap_door", _works, XML, largest=32 * 1024, mutated=changed_tree)
