"""What the IVR Connector says: good answers, reports of channels, faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from xml.sax.saxutils import escape

from agentchan.lab.calls import HeldCall
from agentchan.lab.soap import Contract, SoapFault

CONTRACT = Contract("reference", "ivr_connector.wsdl")
NAMESPACE = CONTRACT.namespace
CLIENTS_FAULT = frozenset({"UnknownIvr", "UnknownChannel", "InvalidRequest"})


class ConnectorFault(SoapFault):
    """A fault of the IVR Connector, with the contract's detail.

    Attributes:
        reason: the contract's code, such as ``NotActive``.
    """

    def __init__(
        self,
        reason: str,
        text: str,
        *,
        active_server: str | None = None,
        channels: Iterable[str] = (),
        call_id: str | None = None,
    ) -> None:
        self.reason = reason
        parts = [f"<Code>{reason}</Code><Message>{escape(text)}</Message>"]
        if active_server is not None:
            parts.append(f"<ActiveServer>{escape(active_server)}</ActiveServer>")
        parts += [f"<Channel>{escape(channel)}</Channel>" for channel in channels]
        if call_id is not None:
            parts.append(f"<CallId>{escape(call_id)}</CallId>")
        detail = f'<ConnectorFault xmlns="{NAMESPACE}">{"".join(parts)}</ConnectorFault>'
        super().__init__("Client" if reason in CLIENTS_FAULT else "Server", text, detail)


def response(operation: str, content: str) -> str:
    """The body of a good answer."""
    return f'<{operation}Response xmlns="{NAMESPACE}">{content}</{operation}Response>'


def reports(channels: Iterable[str], held: Mapping[str, HeldCall], wishes: Mapping[str, bool]) -> str:
    """A ChannelReport for each channel, in order: a sign-on has thousands of them.

    Args:
        channels: which.
        held: the calls that channels hold.
        wishes: whether the others are Ready; NotReady where it is not said.
    """
    return "".join(
        [
            _opening(channel) + (_held(held[channel]) if channel in held else IDLE[wishes.get(channel, False)])
            for channel in channels
        ]
    )


IDLE = {ready: f"<State>{state}</State></ChannelReport>" for ready, state in ((True, "Ready"), (False, "NotReady"))}


@lru_cache(maxsize=65536)
def _opening(channel: str) -> str:
    return f"<ChannelReport><Channel>{escape(channel)}</Channel>"


def _held(call: HeldCall) -> str:
    return f"<State>{call.state}</State><CallId>{escape(call.call_id)}</CallId></ChannelReport>"
