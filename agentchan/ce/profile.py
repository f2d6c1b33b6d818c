"""What a site's CE speaks: a profile maps our duties onto the operations and parameters of a WSDL (profile.md)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

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

    def uses(self, field: str) -> bool:
        """Whether a template of its request has this field."""
        return any(each.name == field for _, template in mapped_templates(self.parameters) for each in template.fields)


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
    def has_signal_id(self) -> bool:
        """Whether CE can tell a signal that is sent again from a new one."""
        return self.mapped["new_call"].uses("signal_id") and self.mapped["gone"].uses("signal_id")

    @property
    def tells_held_call(self) -> bool:
        """Whether CE can say that a channel holds another call, and which."""
        duty = self.mapped["new_call"]
        says_held = any(each.means is Meaning.CHANNEL_HELD for each in duty.faults.outcomes)
        return says_held and "call_id" in duty.faults.results.values()

    @property
    def one_change_at_a_time(self) -> bool:
        """Whether a SetReadiness has room for one channel only."""
        duty = self.mapped.get("set_readiness")
        return duty is not None and not any(isinstance(each, Repeated) for each in duty.parameters.values())


def folder_of(name: str) -> Path:
    """The folder of a profile: of a shipped one by its name, of any other by its path."""
    return Path(name) if "/" in name else SHIPPED / name


def shipped() -> tuple[str, ...]:
    """The names of the shipped profiles."""
    return tuple(sorted(each.name for each in SHIPPED.iterdir() if (each / "profile.toml").is_file()))
