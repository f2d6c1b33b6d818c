"""From a profile's folder to a :class:`~agentchan.ce.profile.Profile`, or to the list of all that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from agentchan.ce.duties import (
    CHANNEL,
    COMPONENT_DUTIES,
    CONNECTOR_DUTIES,
    FAULT_RESULTS,
    REPORT_RESULTS,
    VALUES_OF_FIELDS,
    DutyWords,
    words_for,
)
from agentchan.ce.messages import Parameter, Repeated, RequestTemplate
from agentchan.ce.profile import Duty, Profile, folder_of, shipped
from agentchan.ce.profile_reading import ProfileError, ProfileText, suggestion
from agentchan.ce.replies import FaultReader, Outcome, ReplyReader
from agentchan.ce.shapes import AttributeShape, Kind, Shape
from agentchan.ce.templates import Template, TemplateError
from agentchan.ce.wsdl import Service, read_service
from agentchan.ce.wsdl_files import WsdlError
from agentchan.ce.xml_input import XmlRefused, parse_xml
from agentchan.config.faults import Fault, Place, described, quoted
from agentchan.vocabulary import Meaning

_TOP = ("name", "soap", "ivr_connector", "component_service")
_SOAP = ("connection", "headers", "addressing", "password")
_CONNECTOR = (
    "wsdl",
    "port",
    "path",
    "probe",
    "not_ready_by",
    "gone_at_sign_on",
    "outcomes",
    "fault_results",
    *CONNECTOR_DUTIES,
)
_COMPONENT = ("wsdl", "port", *COMPONENT_DUTIES)
_DUTY = ("operation", "parameters", "results", "values", "outcomes", "reply")
_OUTCOME = ("path", "equals", "fault", "means")
_MEANINGS = tuple(meaning.value for meaning in Meaning)


def load_profile(name: str) -> Profile:
    """Load a profile; blocks.

    Args:
        name: a shipped profile's name, or the path of a folder (with a slash in it).

    Raises:
        ProfileError: with all faults at once.
    """
    folder = folder_of(name)
    if "/" not in name and name not in shipped():
        wrong, allowed = "is no shipped profile", f"{', '.join(shipped())}, or the path of a folder with a / in it"
        raise ProfileError([Fault(folder, 0, f"profile {quoted(name)}", wrong, allowed)])
    text = ProfileText(folder / "profile.toml")
    profile = _Loader(text, folder).profile()
    text.finish()
    if profile is None:
        raise ProfileError([Fault(text.path, 0, "file", "cannot be used", "see the faults above")])
    return profile


class _Loader:
    """Reads one profile."""

    def __init__(self, text: ProfileText, folder: Path) -> None:
        self._text = text
        self._folder = folder

    def profile(self) -> Profile | None:
        """The profile; None where a fault leaves nothing to build it from."""
        text = self._text
        text.table((), _TOP)
        text.table(("soap",), _SOAP)
        text.table(("ivr_connector",), _CONNECTOR)
        name = text.required_text(("name",), "the profile's name") or ""
        headers = text.text(("soap", "headers"), "") or ""
        self._check_headers(headers)
        connector = self._service("ivr_connector")
        component = None
        if "component_service" in text.values:
            text.table(("component_service",), _COMPONENT)
            component = self._service("component_service")
        mapped: dict[str, Duty] = {}
        for section, service, duties in (
            ("ivr_connector", connector, CONNECTOR_DUTIES),
            ("component_service", component, COMPONENT_DUTIES),
        ):
            for duty, words in duties.items():
                if service is not None and duty in text.table((section,)):
                    found = self._duty((section, duty), service, words)
                    if found is not None:
                        mapped[duty] = found
        self._check_duties(mapped, component is not None)
        probe = text.choice(("ivr_connector", "probe"), ("wsdl", "tcp"), None)
        not_ready_by = text.choice(("ivr_connector", "not_ready_by"), ("unsupported", "withhold-gone"), "unsupported")
        gone_at_sign_on = text.flag(("ivr_connector", "gone_at_sign_on"), default=False)
        token_place = ("ivr_connector", "gone", "call_token_missing")
        token_missing = text.choice(token_place, ("call-id", "empty", "refuse"), "call-id")
        connection = text.choice(("soap", "connection"), ("keep-alive", "per-request"), "keep-alive")
        password = text.choice(("soap", "password"), ("text", "digest"), "text")
        addressing = text.flag(("soap", "addressing"), default=False)
        path = text.text(("ivr_connector", "path"))
        if connector is None or not {"new_call", "gone"} <= mapped.keys():
            return None
        return Profile(
            name=name,
            folder=self._folder,
            keep_alive=connection == "keep-alive",
            headers=headers,
            addressing=addressing,
            password_digest=password == "digest",  # noqa: S105 - a way, not a password
            connector=connector,
            component=component,
            mapped=mapped,
            probe=probe,
            withholds_gone=not_ready_by == "withhold-gone",
            gone_at_sign_on=gone_at_sign_on,
            call_token_missing=token_missing or "call-id",
            soap_paths=tuple(dict.fromkeys(each for each in (path, connector.path) if each)),
        )

    def _check_headers(self, headers: str) -> None:
        if headers:
            try:
                parse_xml(f"<headers>{headers}</headers>".encode())
            except XmlRefused as error:
                self._text.fault(("soap", "headers"), str(error), "well-formed XML with its namespaces declared")

    def _service(self, section: str) -> Service | None:
        name = self._text.required_text((section, "wsdl"), "the name of a WSDL file in the profile's folder")
        if name is None:
            return None
        try:
            return read_service(self._folder, name, self._text.text((section, "port")))
        except WsdlError as error:
            self._text.fault((section, "wsdl"), str(error), "a WSDL with a SOAP binding, and all files that it imports")
            return None

    def _check_duties(self, mapped: Mapping[str, Duty], has_component: bool) -> None:
        text = self._text
        for duty in ("new_call", "gone"):
            if duty not in text.table(("ivr_connector",)):
                text.fault(("ivr_connector", duty), "is missing", "the two duties new_call and gone are the least")
        if has_component and not mapped.keys() & COMPONENT_DUTIES.keys():
            text.fault(("component_service",), "has neither get_status nor watch_status", "at least one of them")
        if "set_readiness" in mapped and "open_session" not in mapped:
            uses_session = mapped["set_readiness"].uses("session_id")
            if uses_session:
                place = ("ivr_connector", "set_readiness", "parameters")
                text.fault(place, "use {session_id}, but open_session is not mapped", "map open_session, too")

    # -- one duty ------------------------------------------------------------------------------------------------------

    def _duty(self, place: tuple[str, str], service: Service, words: DutyWords) -> Duty | None:
        text = self._text
        more = ("call_token_missing",) if place[1] == "gone" else ()
        text.table(place, (*_DUTY, *more))
        name = text.required_text((*place, "operation"), "the name of an operation of the WSDL")
        if name is None:
            return None
        operation = service.operations.get(name)
        if operation is None:
            wrong = f"is {quoted(name)}, which {service.files.main} does not offer on port {service.port}"
            text.fault((*place, "operation"), wrong, suggestion(name, service.operations))
            return None
        values = self._values(place)
        parameters = self._parameters((*place, "parameters"), operation.request, words, values)
        request = RequestTemplate.compile(operation.request, parameters, carries=words.call_signal)
        for path in request.missing:
            text.fault((*place, "parameters"), f"the required parameter {path} is missing", "a template or a constant")
        shared = ("component_service", "get_status") if place[1] == "watch_status" else place
        results_place = (*place, "results") if "results" in text.table(place) else (*shared, "results")
        results, reports = self._results(results_place, operation.reply, words)
        if place[1] == "watch_status" and not values:
            values = self._values(shared)
        outcomes = [*self._outcomes((*place, "outcomes"), operation.reply)]
        fault_results: dict[str, str] = {}
        if place[0] == "ivr_connector":
            outcomes += self._outcomes(("ivr_connector", "outcomes"), None)
            fault_results = self._fault_results()
        return Duty(
            name=place[1],
            operation=operation,
            parameters=parameters,
            request=request,
            results=results,
            reply=ReplyReader.compile(operation.reply, results, reports, outcomes),
            faults=FaultReader(tuple(outcomes), fault_results),
            words=values,
            constants=self._constants((*place, "reply"), operation.reply, words),
        )

    def _values(self, place: tuple[str, str]) -> dict[str, dict[str, str]]:
        """The site's words by result or field, as ours."""
        found: dict[str, dict[str, str]] = {}
        for name in self._text.table((*place, "values")):
            where = (*place, "values", name)
            try:
                allowed = words_for(name, place[1])
            except KeyError:
                self._text.fault(where, "has no words of its own", "role, rank, state, ready, outcome or reason")
                continue
            words = self._text.texts(where)
            for theirs, ours in words.items():
                if allowed is not None and ours not in allowed:
                    self._text.fault((*where, theirs), f"is {quoted(ours)}", " or ".join(sorted(allowed)))
            found[name] = words
        return found

    def _parameters(
        self, place: Place, shape: Shape, words: DutyWords, values: Mapping[str, Mapping[str, str]]
    ) -> dict[str, Parameter]:
        text = self._text
        table = text.table(place)
        found: dict[str, Parameter] = {}
        for path, value in table.items():
            here, target = (*place, path), shape.find(path)
            if target is None:
                known = [each for each, _ in shape.paths()]
                text.fault(here, f"is no parameter of {shape.name}", suggestion(path, known))
                continue
            fields = words.fields | _fields_above(path, table, words)
            parse = partial(self._template, here, values=values)
            parameter: Parameter | None
            if isinstance(value, dict):
                parameter = self._repeated(here, target, words, parse)
            elif not isinstance(value, str):
                text.fault(here, f"is {described(value)}", 'a template, or { each = "channel" }')
                continue
            elif target.kind is None:
                inner = ", ".join(child.name for child in target.children) or "nothing"
                text.fault(here, "has elements, not a text", f"map what is in it: {inner}")
                continue
            else:
                parameter = parse(value, target.kind, fields)
            if parameter is not None:
                found[path] = parameter
        return found

    def _repeated(
        self, place: Place, target: Shape | AttributeShape, words: DutyWords, parse: Callable[..., Template | None]
    ) -> Repeated | None:
        """A parameter that is there once for each channel or change."""
        text = self._text
        text.table(place, ("each", "value"))
        each = text.choice((*place, "each"), tuple(words.each), None)
        if each is None:
            text.fault(place, "does not say what it is repeated for", f"each = {' or '.join(words.each) or 'nothing'}")
            return None
        if not (isinstance(target, Shape) and target.repeated):
            text.fault(place, "may be there only once", "a template")
            return None
        inside = text.text((*place, "value"), "{channel}" if target.kind is not None and each == CHANNEL else None)
        if inside is None:
            return Repeated(each)
        return Repeated(each, parse(inside, target.kind or Kind.TEXT, words.fields | words.each[each]))

    def _template(
        self, place: Place, value: str, kind: Kind, fields: frozenset[str], *, values: Mapping[str, Mapping[str, str]]
    ) -> Template | None:
        try:
            template = Template.parse(value, kind)
        except TemplateError as error:
            self._text.fault(place, str(error), "text with fields such as {call_id}")
            return None
        for field in template.fields:
            name = field.name.partition(".")[0]
            if name not in fields or ("." in field.name and name != "channel"):
                self._text.fault(place, f"{{{field.name}}} is not known here", suggestion(name, fields))
                return None
        if template.only is None:
            return template
        theirs = values.get(VALUES_OF_FIELDS.get(template.only.name, template.only.name), {})
        return Template(template.parts, kind, {ours: word for word, ours in theirs.items()})

    # -- replies -------------------------------------------------------------------------------------------------------

    def _results(self, place: Place, shape: Shape | None, words: DutyWords) -> tuple[dict[str, str], str | None]:
        """The results by path, and the path of the reports."""
        text = self._text
        reports: str | None = None
        found: dict[str, str] = {}
        table = text.table(place)
        for path, value in table.items():
            if isinstance(value, dict):
                text.table((*place, path), ("each",))
                if text.choice((*place, path, "each"), (CHANNEL,) if words.reports else (), None) is None:
                    text.fault((*place, path), "is a table", 'the name of a result, or { each = "channel" }')
                elif reports is not None:
                    text.fault((*place, path), "is a second list of channels", "one")
                else:
                    reports = path
        for path, value in table.items():
            if shape is None or shape.find(path) is None:
                known = [each for each, _ in shape.paths()] if shape is not None else []
                text.fault((*place, path), "is not in the reply", suggestion(path, known))
            elif isinstance(value, str):
                inside = reports is not None and (path == reports or path.startswith(f"{reports}/"))
                allowed = REPORT_RESULTS if inside else words.results
                if value not in allowed:
                    text.fault((*place, path), f"is {quoted(value)}", suggestion(value, allowed))
                else:
                    found[path] = value
            elif not isinstance(value, dict):
                text.fault((*place, path), f"is {described(value)}", "the name of a result")
        if reports is not None and not any(
            result == "channel" and path.startswith(f"{reports}/") for path, result in found.items()
        ):
            text.fault((*place, reports), "does not say which channel each is", f'"{reports}/…" = "channel"')
        return found, reports

    def _fault_results(self) -> dict[str, str]:
        place = ("ivr_connector", "fault_results")
        found = self._text.texts(place)
        for path, result in found.items():
            if result not in FAULT_RESULTS:
                self._text.fault((*place, path), f"is {quoted(result)}", suggestion(result, FAULT_RESULTS))
        return found

    def _outcomes(self, place: Place, shape: Shape | None) -> list[Outcome]:
        text = self._text
        entries = text.table(place[:-1]).get(str(place[-1]), [])
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            text.fault(place, "is no list of tables", f"[[{'.'.join(map(str, place))}]]")
            return []
        found = []
        for index, entry in enumerate(entries):
            here = (*place, index)
            text.table(here, _OUTCOME)
            means = text.choice((*here, "means"), _MEANINGS, None)
            fault, path = text.text((*here, "fault")), text.text((*here, "path"))
            if fault is None and path is None:
                text.fault(here, "looks at nothing", "path, fault, or both")
            elif fault is None and path is not None and (shape is None or (path and shape.find(path) is None)):
                known = [each for each, _ in shape.paths()] if shape is not None else []
                text.fault((*here, "path"), f"{quoted(path)} is not in the reply", suggestion(path, known))
            if means is None:
                if "means" not in entry:
                    text.fault((*here, "means"), "is missing", ", ".join(_MEANINGS))
                continue
            found.append(Outcome(Meaning(means), fault, path, self._equals((*here, "equals"), entry)))
        return found

    def _equals(self, place: Place, entry: Mapping[str, Any]) -> tuple[str, ...]:
        value = entry.get("equals", [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            self._text.fault(place, f"is {described(value)}", "a string or a list of strings")
            return ()
        return tuple(values)

    def _constants(self, place: Place, shape: Shape | None, words: DutyWords) -> dict[str, str]:
        found = self._text.texts(place)
        if found and not words.call_signal:
            self._text.fault(place, "has no meaning here", "the SOAP door replies to new_call and gone only")
        for path in found:
            if shape is None or shape.find(path) is None:
                known = [each for each, _ in shape.paths()] if shape is not None else []
                self._text.fault((*place, path), "is not in the reply", suggestion(path, known))
        return found


def _fields_above(path: str, table: Mapping[str, Any], words: DutyWords) -> frozenset[str]:
    """The fields of what is repeated above a path."""
    for other, value in table.items():
        if isinstance(value, dict) and path.startswith(f"{other}/"):
            return words.each.get(str(value.get("each")), frozenset())
    return frozenset()
