"""The SOAP door's side of a profile: reads what an IVR script sends to CE, and answers as CE would, by the same WSDL.

A script's request is read by the templates that the daemon's own requests are filled with, backwards. What no template
takes is kept as XML and carried through to CE.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from attrs import field, frozen
from lxml import etree

from agentchan.ce.envelope import NotSoap, content_type, fault_body, opened, wrapped
from agentchan.ce.instances import instance, texts_of
from agentchan.ce.messages import Repeated
from agentchan.ce.profile import Duty, Profile
from agentchan.ce.replies import texts_at
from agentchan.ce.shapes import ITSELF, Shape
from agentchan.ce.templates import Template
from agentchan.ce.wsdl import SoapVersion
from agentchan.ce.xml_input import XmlRefused, local_name, parse_xml
from agentchan.rfc3339 import rfc3339
from agentchan.vocabulary import ChannelState, Meaning

_OWN = frozenset(
    {
        "ivr",
        "instance_id",
        "session_id",
        "signal_id",
        "channel",
        "call_id",
        "call_token",
        "started_at",
        "ended_at",
        "caller",
        "called",
        "outcome",
    }
)
"""Fields whose values the script gives and the daemon keeps; everything else is carried through as it is."""

_LARGEST_CARRIED = 64 * 1024
_IGNORED_HEADERS = ("docs.oasis-open.org/wss/", "www.w3.org/2005/08/addressing", "schemas.xmlsoap.org/ws/2004/08/")
"""Namespaces of headers that are for CE and mean nothing to the daemon: credentials and addresses."""


class DoorFault(Exception):  # noqa: N818 - it names an outcome, not a bug
    """A request is answered with a fault.

    Attributes:
        means: what kind of fault, in our words.
        text: for people.
        channel: which one is not known, if that is the fault.
    """

    def __init__(self, means: Meaning, text: str, channel: str | None = None) -> None:
        super().__init__(text)
        self.means = means
        self.text = text
        self.channel = channel

    @property
    def senders(self) -> bool:
        """Whether it is the request that is wrong: said again unchanged it gets the same answer."""
        return self.means in (Meaning.REFUSED, Meaning.UNKNOWN_CHANNEL, Meaning.UNKNOWN_IVR)


@frozen
class Asked:
    """What a script has asked.

    Attributes:
        duty: ``new_call`` or ``gone``; None: another operation.
        operation: its name in the WSDL.
        fields: by field, as texts.
        times: of the fields that are times.
        parameters: what is carried through, as ``vocabulary.NewCall.parameters`` has it.
    """

    duty: str | None
    operation: str
    fields: Mapping[str, str] = field(factory=dict)
    times: Mapping[str, datetime] = field(factory=dict)
    parameters: str = ""


@frozen
class Said:
    """What a script is answered.

    Attributes:
        state: of the channel.
        call_id: of the call.
        call_token: what the script is to give with the call's Gone.
        repeated: whether the signal was given before.
    """

    state: ChannelState
    call_id: str
    call_token: str | None
    repeated: bool


class DoorCodec:
    """Reads requests and writes answers, both by one profile."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._version: SoapVersion = profile.connector.version
        self._duties = {name: profile.mapped[name] for name in ("new_call", "gone")}

    @property
    def media_type(self) -> str:
        """The Content-Type of every answer."""
        return content_type(self._version)

    # -- requests ------------------------------------------------------------------------------------------------------

    def read(self, body: bytes, action: str | None) -> Asked:
        """What a script asks.

        Raises:
            DoorFault: it is no request of the WSDL.
        """
        element = self._element(body)
        names = [
            name
            for name, operation in self._profile.connector.operations.items()
            if operation.request.tag == str(element.tag)
        ]
        if len(names) > 1 and action:
            # Bare messages may share an element; then the action tells them apart.
            names = [name for name in names if self._profile.connector.operations[name].action == action] or names
        if not names:
            raise DoorFault(Meaning.REFUSED, f"{str(element.tag)[:200]} is no operation of this service")
        for name, duty in self._duties.items():
            if duty.operation.name == names[0]:
                return self._asked(name, duty, element)
        return Asked(None, names[0])

    def _element(self, body: bytes) -> etree._Element:
        try:
            root = parse_xml(body)
            element = opened(self._version, root)
        except (XmlRefused, NotSoap) as error:
            raise DoorFault(Meaning.REFUSED, f"the request cannot be read: {error}") from None
        header = root.find(f"{{{self._version.value}}}Header")
        for each in header if header is not None else ():
            must = each.get(f"{{{self._version.value}}}mustUnderstand") in ("1", "true")
            if must and not any(space in str(each.tag) for space in _IGNORED_HEADERS):
                raise DoorFault(Meaning.REFUSED, f"the header {str(each.tag)[:200]} is not understood here")
        return element

    def _asked(self, name: str, duty: Duty, element: etree._Element) -> Asked:
        wrong = self._profile.connector.schema.fault(element, None)
        if wrong is not None:
            raise DoorFault(Meaning.REFUSED, f"{duty.operation.name} is not as its WSDL says: {wrong}")
        fields: dict[str, str] = {}
        times: dict[str, datetime] = {}
        taken: set[str] = set()
        for path, parameter in duty.parameters.items():
            if isinstance(parameter, Repeated) or not _is_own(parameter):
                continue
            taken.add(path)
            text = next(texts_at(element, path), "")
            found = parameter.read(text) if text else None
            if text and found is None:
                raise DoorFault(Meaning.REFUSED, f"{path} is {text[:100]!r}, which this profile cannot read")
            for each, value in (found or {}).items():
                if each in ("started_at", "ended_at"):
                    times[each] = _time(path, value, parameter)
                else:
                    fields[each] = value
        carried = _carried(element, duty.operation.request, taken, "")
        parameters = json.dumps(carried, ensure_ascii=False, sort_keys=True) if carried else ""
        if len(parameters) > _LARGEST_CARRIED:
            raise DoorFault(Meaning.REFUSED, f"the other parameters have more than {_LARGEST_CARRIED} characters")
        return Asked(name, duty.operation.name, fields, times, parameters)

    # -- answers -------------------------------------------------------------------------------------------------------

    def reply(self, asked: Asked, said: Said) -> bytes:
        """A good answer."""
        duty = self._duties[asked.duty or ""]
        shape = duty.operation.reply
        if shape is None:
            return b""
        texts = {
            "state": said.state.value,
            "call_id": said.call_id,
            "call_token": said.call_token or said.call_id,
        }
        values: dict[str, str] = {}
        for path, result in duty.results.items():
            if result in texts:
                values[path] = _theirs(duty, result, texts[result])
        if said.repeated:
            _say(Meaning.DUPLICATE, duty, values)
        for path, text in duty.constants.items():
            values.setdefault(path, text)
        _say(Meaning.CONFIRMED, duty, values)
        _say_nothing_else(shape, duty, values)
        return wrapped(self._version, "", instance(shape, values, ""))

    def fault(self, fault: DoorFault) -> bytes:
        """A fault, with a detail as the WSDL has it where the profile says which stands for this kind."""
        body = fault_body(self._version, fault.text, senders=fault.senders, detail=self._detail(fault))
        return wrapped(self._version, "", body)

    def status(self, fault: DoorFault) -> HTTPStatus:
        """The HTTP status of a fault (SOAP 1.1, 6.2; SOAP 1.2 part 2, 7.5.2.2)."""
        if self._version is SoapVersion.SOAP_12 and fault.senders:
            return HTTPStatus.BAD_REQUEST
        return HTTPStatus.INTERNAL_SERVER_ERROR

    def _detail(self, fault: DoorFault) -> str:
        duty = self._duties["new_call"]
        for outcome in duty.faults.outcomes:
            if outcome.means is not fault.means or not (outcome.path and outcome.equals):
                continue
            name, _, inner = outcome.path.partition("/")
            for shape in duty.operation.faults:
                if shape.name == name and inner and shape.find(inner) is not None:
                    named = _named(duty, fault, name)
                    return instance(shape, {inner: outcome.equals[0], **named}, fault.text)
        return ""

    # -- the WSDL ------------------------------------------------------------------------------------------------------

    def wsdl(self, address: str, name: str | None = None) -> bytes | None:
        """The profile's own WSDL with another address in it, or a file that it imports; None: there is no such file.

        Args:
            address: where this door is, as the caller reached it.
            name: of an imported file.
        """
        return self._profile.connector.files.served(address, name)

    def wsdl_size(self, name: str | None = None) -> int | None:
        """The bytes of the WSDL, or of a file that it imports; None: there is no such file."""
        files = self._profile.connector.files
        file = files.files.get(files.main if name is None else name)
        return None if file is None else len(file.data)


def _is_own(template: Template) -> bool:
    """Whether a template takes nothing but what the daemon keeps."""
    return bool(template.fields) and all(each.name in _OWN for each in template.fields)


def _carried(element: etree._Element, shape: Shape, taken: set[str], above: str) -> dict[str, str]:
    """The XML of everything below an element that no template takes, by path."""
    found: dict[str, str] = {}
    for child in element:
        path = above + local_name(child)
        inner = shape.child(local_name(child))
        if path in taken or inner is None:
            continue
        if any(other.startswith(f"{path}/") for other in taken):
            found |= _carried(child, inner, taken, f"{path}/")
        else:
            found[path] = found.get(path, "") + etree.tostring(child, encoding="unicode", with_tail=False)
    return found


def _time(path: str, text: str, template: Template) -> datetime:
    form = template.fields[0].form
    try:
        at = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 - seen to below
    except ValueError:
        example = rfc3339(datetime(2026, 11, 24, 13, 5, tzinfo=UTC))
        raise DoorFault(Meaning.REFUSED, f"{path} is {text[:100]!r}; a time is such as {example}") from None
    if at.tzinfo is None and not form:
        raise DoorFault(Meaning.REFUSED, f"{path} is {text!r}, which has no zone; end it with Z or +01:00")
    return at.astimezone() if at.tzinfo is None else at


def _say(means: Meaning, duty: Duty, values: dict[str, str]) -> None:
    """Put into a reply what means this by the profile's outcomes, where nothing else stands."""
    for outcome in duty.reply.outcomes:
        if outcome.means is means and outcome.path and outcome.equals:
            values.setdefault(outcome.path, outcome.equals[0])


def _named(duty: Duty, fault: DoorFault, name: str) -> dict[str, str]:
    """What a fault's detail of that name says of the channel, by the path inside of it."""
    if fault.channel is None:
        return {}
    paths = (path.partition("/") for path, result in duty.faults.results.items() if result == "channel")
    return {inner: fault.channel for outer, _, inner in paths if outer == name and inner}


def _say_nothing_else(shape: Shape, duty: Duty, values: dict[str, str]) -> None:
    """Where an outcome would read a meaning into what stands in a reply by default, put something else there."""
    for path in {outcome.path for outcome in duty.reply.outcomes if outcome.path} - values.keys():
        at = shape.find(path)
        if isinstance(at, Shape) and at.kind is not None and _is_always_there(shape, path):
            taken = {text for outcome in duty.reply.outcomes if outcome.path == path for text in outcome.equals}
            values[path] = next(text for text in texts_of(at) if text not in taken)


def _is_always_there(shape: Shape, path: str) -> bool:
    if path == ITSELF:
        return True
    names = path.split("/")
    above = (shape.find("/".join(names[:length])) for length in range(1, len(names) + 1))
    return all(each is not None and each.required for each in above)


def _theirs(duty: Duty, name: str, ours: str) -> str:
    """The site's word for one of ours."""
    return next((theirs for theirs, word in duty.words.get(name, {}).items() if word == ours), ours)
