"""What a site's CE speaks: a profile maps our duties onto the operations and parameters of a WSDL (profile.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from agentchan.ce.duties import CHANNEL, VALUES, words_for
from agentchan.ce.messages import Parameter, Repeated, RequestTemplate, mapped_templates
from agentchan.ce.replies import FaultReader, ReplyReader
from agentchan.ce.wsdl import Operation, Service
from agentchan.vocabulary import Meaning

SHIPPED = Path(__file__).parent / "profiles"
"""The folder of the shipped profiles; a site profile is a folder of the same kind elsewhere."""


@frozen
class Duty:
    """One duty, mapped.

    Attributes:
        parameters: what goes into each parameter of the request, by path.
        results: what each path of the reply is.
        words: by result or field, the site's words and ours.
        constants: what the SOAP door says in a path of its own replies.
        ours: by result, what each word of a reply is.
    """

    name: str
    operation: Operation
    parameters: Mapping[str, Parameter]
    request: RequestTemplate
    results: Mapping[str, str]
    reply: ReplyReader
    faults: FaultReader
    words: Mapping[str, Mapping[str, str]]
    constants: Mapping[str, str]
    ours: Mapping[str, Mapping[str, Any]] = field(init=False, repr=False)

    @ours.default
    def _our_values(self) -> Mapping[str, Mapping[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for name in VALUES:
            words = words_for(name, self.name)
            if words is not None:
                found[name] = {**words, **{their: words[ours] for their, ours in self.words.get(name, {}).items()}}
        return found

    @property
    def fields(self) -> frozenset[str]:
        """The fields that its request is made of."""
        return frozenset(each.name for _, template in mapped_templates(self.parameters) for each in template.fields)

    def uses(self, name: str) -> bool:
        """Whether a template of its request has the field of this name."""
        return name in self.fields


@frozen
class Profile:
    """A profile without faults.

    Attributes:
        folder: where it is.
        keep_alive: False where the server closes the connection after each reply, which is then no loss of the link.
        headers: constant XML for the SOAP header.
        addressing: whether messages have WS-Addressing headers.
        password_digest: whether a WS-Security password is sent as a digest rather than as text.
        connector: the IVR Connector.
        component: the Component Service; None: the connectors' answers tell who is active.
        mapped: the duties by name.
        probe: what stands for a heartbeat where none is mapped: ``wsdl`` or ``tcp``; None: the component link does.
        withholds_gone: whether a channel is taken out by keeping back the Gone of its last call.
        gone_at_sign_on: whether idle channels are freed by a Gone when the link comes up.
        call_token_missing: what a Gone says whose NewCall's reply was lost: ``call-id``, ``empty`` or ``refuse``.
        soap_paths: where the vendor has the IVR Connector, for the SOAP door.
    """

    name: str
    folder: Path
    keep_alive: bool
    headers: str
    addressing: bool
    password_digest: bool
    connector: Service
    component: Service | None
    mapped: Mapping[str, Duty]
    probe: str | None
    withholds_gone: bool
    gone_at_sign_on: bool
    call_token_missing: str
    soap_paths: tuple[str, ...]

    @property
    def duties(self) -> frozenset[str]:
        """The names of the duties that are mapped."""
        return frozenset(self.mapped)

    @property
    def channel_keys(self) -> Mapping[str, bool]:
        """The keys of ``[ivr.channel_values]`` that messages are made of, and whether each must have a value."""
        keys: dict[str, bool] = {}
        for duty in self.mapped.values():
            for key, needed in _channel_keys(duty):
                keys[key] = keys.get(key, False) or needed
        return keys

    @property
    def has_signal_id(self) -> bool:
        """Whether CE can tell a signal that is sent again from a new one."""
        return self.mapped["new_call"].uses("signal_id") and self.mapped["gone"].uses("signal_id")

    @property
    def tells_held_call(self) -> bool:
        """Whether CE can say that a channel holds another call, and which."""
        duty = self.mapped["new_call"]
        by_fault = any(each.means is Meaning.CHANNEL_HELD and each.fault is not None for each in duty.faults.outcomes)
        by_reply = any(each.means is Meaning.CHANNEL_HELD for each in duty.reply.outcomes)
        return (by_fault and "call_id" in duty.faults.results.values()) or (
            by_reply and "call_id" in duty.results.values()
        )

    @property
    def one_change_at_a_time(self) -> bool:
        """Whether a SetReadiness has room for one channel only."""
        duty = self.mapped.get("set_readiness")
        return duty is not None and not any(isinstance(each, Repeated) for each in duty.parameters.values())


def _channel_keys(duty: Duty) -> Iterator[tuple[str, bool]]:
    request = duty.operation.request
    for path, template in mapped_templates(duty.parameters):
        names = path.split("/")
        shapes = [request.find("/".join(names[:length])) for length in range(1, len(names) + 1)]
        needed = all(shape is not None and shape.required for shape in shapes)
        for each in template.fields:
            name, _, key = each.name.partition(".")
            if name == CHANNEL and key:
                # With no other field beside it the text is empty without a value, whatever stands around it.
                yield key, needed and {other.name for other in template.fields} == {each.name}


def folder_of(name: str) -> Path:
    """The folder of a profile: of a shipped one by its name, of any other by its path."""
    return Path(name) if "/" in name else SHIPPED / name


def shipped() -> tuple[str, ...]:
    """The names of the shipped profiles."""
    return tuple(sorted(each.name for each in SHIPPED.iterdir() if (each / "profile.toml").is_file()))
