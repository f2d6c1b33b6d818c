"""The daemon's answers about signals and calls, without sockets: the real operations on a :class:`House`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from lxml import etree
from twisted.internet.defer import Deferred

from agentchan.api.requests import SoapAnswer, SoapRequest
from agentchan.operations.calls import CallOperations
from agentchan.operations.soap_door import SoapDoor
from agentchan.vocabulary import CallSignal
from tests.ce.wsdls import URL, codec, profile
from tests.config.texts import good
from tests.signals.house import House, result


class Operations(CallOperations, SoapDoor):
    """The operations that are under test."""


def operations(house: House, keys: str = "", name: str = "reference") -> Operations:
    """The operations of a daemon with this configuration and profile.

    Args:
        house: its parts.
        keys: more lines of its configuration.
        name: of its profile.
    """
    text = f'[ivr]\nname = "ivr1"\nchannels = ["c1"]\n[component_link]\nurls = ["http://ce1/"]\n{keys}'
    daemon: Any = SimpleNamespace(
        configuration=good(text),
        profile=profile(name),
        codec=codec(name),
        reactor=house.clock,
        wall=house.parts.wall,
        journal=house.journal,
        calls=house.calls,
        channels=house.channels,
        accepting=house.accepting,
        delivering=house.delivering,
        repairing=house.repairing,
        chronicle=SimpleNamespace(happened=house.parts.tell),
    )
    return Operations(daemon)


def value(answer: Any) -> Any:
    """What an operation answers."""
    return result(answer) if isinstance(answer, Deferred) else answer


def rows(answer: Any) -> list[dict[str, Any]]:
    """The rows that an operation answers."""
    found: Iterable[Mapping[str, Any]] = value(answer)
    return [dict(row) for row in found]


def request(body: bytes, action: str | None = None) -> SoapRequest:
    """What came through the SOAP door."""
    return SoapRequest("/IVRConnector", body, "text/xml", action, "http://here:1", "script")


def post(door: Operations, signal: CallSignal, name: str = "reference") -> SoapAnswer:
    """A script sends a signal, written as the profile has it."""
    answer: SoapAnswer = value(door.soap(request(codec(name).encode(signal, URL).body)))
    return answer


def texts(answer: SoapAnswer) -> dict[str, str]:
    """The texts of an answer, by the names of their elements."""
    root = etree.fromstring(answer.body)
    return {etree.QName(each).localname: each.text or "" for each in root.iter() if len(each) == 0}
