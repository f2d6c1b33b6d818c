"""What a profile is and does, as plain values: its services, each duty's message, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from agentchan.ce.duties import COMPONENT_DUTIES, CONNECTOR_DUTIES
from agentchan.ce.messages import Parameter, Repeated
from agentchan.ce.profile import Duty, Profile
from agentchan.ce.replies import Outcome
from agentchan.ce.samples import sample_message
from agentchan.ce.templates import Field, Template
from agentchan.ce.wsdl import Service, SoapVersion
from agentchan.ce.xml_input import parse_xml
from agentchan.profile_tools.described import kind_of, required

_VERSIONS = {SoapVersion.SOAP_11: "SOAP 1.1", SoapVersion.SOAP_12: "SOAP 1.2"}


def about(profile: Profile) -> dict[str, Any]:
    """All of it."""
    return {
        "name": profile.name,
        "folder": str(profile.folder),
        "services": services(profile),
        "abilities": list(abilities(profile)),
        "duties": [_duty(profile, name) for name in (*CONNECTOR_DUTIES, *COMPONENT_DUTIES) if name in profile.mapped],
        "not_mapped": [name for name in (*CONNECTOR_DUTIES, *COMPONENT_DUTIES) if name not in profile.mapped],
    }


def services(profile: Profile) -> list[dict[str, Any]]:
    """The one or two services."""
    found = [_service("IVR Connector", profile.connector, profile)]
    if profile.component is not None:
        found.append(_service("Component Service", profile.component, profile))
    return found


def _service(title: str, service: Service, profile: Profile) -> dict[str, Any]:
    mapped = {duty.operation.name for duty in profile.mapped.values()}
    return {
        "service": title,
        "version": _VERSIONS[service.version],
        "port": service.port,
        "address": service.address,
        "namespace": service.namespace,
        "wsdl": service.files.main,
        "files": sorted(service.files.files),
        "other_operations": [name for name in service.operations if name not in mapped],
        "unspoken": list(service.unspoken),
    }


def _duty(profile: Profile, name: str) -> dict[str, Any]:
    duty = profile.mapped[name]
    sample = sample_message(profile, name)
    return {
        "duty": name,
        "operation": duty.operation.name,
        "parameters": [_parameter(duty, path, parameter) for path, parameter in duty.parameters.items()],
        "not_given": list(duty.request.optional),
        "results": [{"path": path, "result": result, **_words(duty, result)} for path, result in duty.results.items()],
        "outcomes": [_outcome(each) for each in (*duty.reply.outcomes, *_of_faults(duty))],
        "headers": {key.decode("latin-1"): value.decode("latin-1") for key, value in sample.message.headers},
        "message": _pretty(sample.message.body),
        "problems": list(sample.problems),
    }


def _of_faults(duty: Duty) -> Iterator[Outcome]:
    return (each for each in duty.faults.outcomes if each.fault is not None)


def _parameter(duty: Duty, path: str, parameter: Parameter) -> dict[str, Any]:
    target = duty.operation.request.find(path)
    return {
        "path": path,
        "value": _written(parameter),
        "kind": kind_of(target) if target is not None else "",
        "required": required(duty.operation.request, path),
    }


def _written(parameter: Parameter) -> str:
    if isinstance(parameter, Repeated):
        inside = f": {_template(parameter.value)}" if parameter.value is not None else ""
        return f"each {parameter.each}{inside}"
    return _template(parameter)


def _template(template: Template) -> str:
    return "".join(_field(part) if isinstance(part, Field) else part for part in template.parts)


def _field(field: Field) -> str:
    return f"{{{field.name}:{field.form}}}" if field.form else f"{{{field.name}}}"


def _words(duty: Duty, result: str) -> dict[str, Any]:
    words = duty.words.get(result)
    return {"words": dict(words)} if words else {}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "fault": outcome.fault,
        "path": outcome.path,
        "equals": list(outcome.equals),
        "means": outcome.means.value,
    }


def _pretty(envelope: bytes) -> str:
    root = parse_xml(envelope)
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")


def abilities(profile: Profile) -> Iterator[str]:
    """What the daemon can do with this profile, and what it cannot, a sentence each."""
    duties = profile.duties
    if profile.component is not None and {"get_status", "watch_status"} & duties:
        when = "at once when it changes" if "watch_status" in duties else "when it is polled"
        yield f"Which host is active says the Component Service, {when}."
    else:
        yield "Which host is active says the first IVR Connector in line that accepts (connector-answers)."
    yield from _channel_abilities(profile)
    if profile.has_signal_id:
        yield "A call signal whose reply was lost is sent again at once: CE knows it by its signal_id."
    else:
        yield "A call signal whose reply was lost waits [signals] retry_guard: CE would not know it again."
    if not profile.tells_held_call:
        readiness = profile.mapped.get("set_readiness")
        reported = readiness is not None and "state" in readiness.results.values()
        instead = "the channel's report is asked for instead" if reported else "nor does any report, so it is set aside"
        yield f"A refused NewCall does not say which call CE holds there: {instead}."
    if profile.mapped["gone"].uses("call_token"):
        instead = profile.call_token_missing
        yield f"A Gone carries the call token of its NewCall's reply; where that was lost: {instead}."
    if not profile.keep_alive:
        yield "The server closes the connection after each reply, which is then no loss of the link."
    yield from (_channel_value(key, needed=needed) for key, needed in profile.channel_keys.items())


def _channel_abilities(profile: Profile) -> Iterator[str]:
    duties = profile.duties
    if "open_session" not in duties:
        yield "There is no sign-on: the agent channel is the kept connection to the active host."
    if "set_readiness" in duties:
        at_once = "one channel in each request" if profile.one_change_at_a_time else "many channels in one request"
        yield f"Channels can be made ready and not ready, {at_once}."
    elif profile.withholds_gone:
        yield "A channel is taken out by keeping back the Gone of its last call, so after its next call."
    else:
        yield 'Channels cannot be taken out: there is no set_readiness, and not_ready_by is "unsupported".'
    if "heartbeat" not in duties:
        beat = f"a probe ({profile.probe})" if profile.probe is not None else "the component link"
        yield f"There is no heartbeat: {beat} stands for it."


def _channel_value(key: str, *, needed: bool) -> str:
    return f"Each channel {'needs' if needed else 'may have'} a value {key!r} in [ivr.channel_values]."
