"""What goes into a duty's request: from a profile's ``parameters`` to templates, checked against the WSDL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from lxml import etree

from agentchan.ce.duties import CHANGE, CHANNEL, SAMPLES, TIMES, VALUES_OF_FIELDS, DutyWords
from agentchan.ce.messages import Filling, Parameter, Repeated, RequestTemplate, Values, mapped_templates
from agentchan.ce.profile_reading import ProfileText, Words, suggestion
from agentchan.ce.schema import Schema
from agentchan.ce.shapes import ITSELF, AttributeShape, Kind, Shape
from agentchan.ce.templates import Template, TemplateError
from agentchan.ce.wsdl import Operation
from agentchan.ce.xml_input import local_name, parse_xml
from agentchan.config.faults import Place, described, quoted

_ATTRIBUTE = re.compile(r"attribute '([^']+)'")
_WHERE = re.compile(r"^Element '[^']+'(, attribute '[^']+')?: ")


class RequestLoader:
    """Loads the parameters of one duty.

    Args:
        text: the profile.
        place: of the duty's table.
        operation: whose request it is.
        words: what its mapping may speak of.
        values: the site's words.
        zone: of times that have a form.
    """

    def __init__(
        self,
        text: ProfileText,
        place: tuple[str, str],
        operation: Operation,
        words: DutyWords,
        *,
        values: Words,
        zone: tzinfo | None,
    ) -> None:
        self._text = text
        self._place = (*place, "parameters")
        self._name = place[1]
        self._operation = operation
        self._words = words
        self._values = values
        self._zone = zone

    def load(self, schema: Schema) -> tuple[dict[str, Parameter], RequestTemplate]:
        """The parameters by path, and the request compiled of them.

        Args:
            schema: what requests must be like.
        """
        parameters = self._parameters()
        request = RequestTemplate.compile(self._operation.request, parameters, carries=self._words.call_signal)
        self._check(parameters, request, schema)
        return parameters, request

    def _parameters(self) -> dict[str, Parameter]:
        text, shape = self._text, self._operation.request
        table = text.table(self._place)
        found: dict[str, Parameter] = {}
        for path, value in table.items():
            here, target = (*self._place, path), shape.find(path)
            if target is None:
                text.fault(here, f"is no parameter of {self._operation.name}", suggestion(path, shape.known_paths()))
                continue
            parameter: Parameter | None = None
            if isinstance(value, dict):
                parameter = self._repeated(here, target)
            elif not isinstance(value, str):
                text.fault(here, f"is {described(value)}", f"a template, or {self._example_of_each()}")
            elif isinstance(target, Shape) and target.kind is None:
                text.fault(here, "has elements in it, not a text", target.inner_paths(path))
            else:
                parameter = self._template(here, value, target.kind or Kind.TEXT, self._fields_at(path, table))
            if parameter is not None:
                found[path] = parameter
        return found

    def _fields_at(self, path: str, table: Mapping[str, Any]) -> frozenset[str]:
        """The fields at a path: the duty's, and those of what is repeated above."""
        fields = self._words.fields
        for other, value in table.items():
            if isinstance(value, dict) and path.startswith(f"{other}/"):
                fields |= self._words.each.get(str(value.get("each")), frozenset())
        return fields

    def _example_of_each(self) -> str:
        return " or ".join(f'{{ each = "{each}" }}' for each in self._words.each) or "a constant"

    def _repeated(self, place: Place, target: Shape | AttributeShape) -> Repeated | None:
        """A parameter that is there once for each channel or change."""
        text, words = self._text, self._words
        text.table(place, ("each", "value"))
        if not words.each:
            text.fault(place, f"is a table, but nothing is repeated in {self._name}", "a template")
            return None
        allowed = " or ".join(map(quoted, words.each))
        each = text.required_text((*place, "each"), allowed)
        if each is None:
            return None
        if each not in words.each:
            text.fault((*place, "each"), f"is {quoted(each)}", allowed)
            return None
        if isinstance(target, AttributeShape) or not target.repeated:
            text.fault(place, "may be there only once by the WSDL", "a template")
            return None
        inside = text.text((*place, "value"), "{channel}" if target.kind is not None and each == CHANNEL else None)
        if inside is None:
            return Repeated(each)
        template = self._template((*place, "value"), inside, target.kind or Kind.TEXT, words.fields | words.each[each])
        return None if template is None else Repeated(each, template)

    def _template(self, place: Place, value: str, kind: Kind, fields: frozenset[str]) -> Template | None:
        try:
            template = Template.parse(value, kind, zone=self._zone)
        except TemplateError as error:
            self._text.fault(place, str(error), f"text with fields such as {_braced(min(fields))}")
            return None
        for field in template.fields:
            name, _, key = field.name.partition(".")
            if name not in fields or (key and name != CHANNEL):
                self._text.fault(place, f"{_braced(field.name)} is not known here", suggestion(name, fields))
                return None
            if field.form and name not in TIMES:
                wrong = f"{_braced(field.name + ':' + field.form)} has the form of a time, which {name} is not"
                self._text.fault(place, wrong, _braced(field.name))
                return None
        if template.only is None:
            return template
        theirs = self._values.get(VALUES_OF_FIELDS.get(template.only.name, template.only.name), {})
        # Of several words of theirs for one of ours the first is said.
        ours = {word: their for their, word in reversed(tuple(theirs.items()))}
        return Template(template.parts, kind, ours, self._zone)

    # -- checks --------------------------------------------------------------------------------------------------------

    def _check(self, parameters: Mapping[str, Parameter], request: RequestTemplate, schema: Schema) -> None:
        """Whether a request has all that it needs: by the WSDL, and to mean anything."""
        text, name = self._text, self._operation.name
        given = text.table(self._place)
        for path in request.missing:
            if path not in given:
                text.fault(self._place, f"the required parameter {quoted(path)} is missing", "a template or a constant")
        if request.missing or len(parameters) < len(given):
            return  # what is missing may be what was meant by a faulty one
        fields = {each.name for _, template in mapped_templates(parameters) for each in template.fields}
        for group in self._words.needs:
            if not group & fields:
                wanted = " or ".join(map(_braced, sorted(group)))
                text.fault(self._place, f"use no {wanted}", f"CE could not know what {name} is about")
        self._check_sample(parameters, request, schema)

    def _check_sample(self, parameters: Mapping[str, Parameter], request: RequestTemplate, schema: Schema) -> None:
        """Whether the request is what the WSDL says, as far as that does not depend on the values of fields."""
        element = parse_xml(request.fill(_sample_filling(parameters)).encode())
        for problem in schema.problems(element):
            path = _path_of(problem.element, problem.text)
            parameter = parameters.get(path)
            if not problem.of_value:
                wrong = f"make {self._operation.name} other than the WSDL says: {problem.text}"
                self._text.fault(self._place, wrong, "map what it needs, and of a choice only one")
            elif isinstance(parameter, Template) and not parameter.fields:
                wrong = _WHERE.sub("", problem.text).rstrip(".")
                self._text.fault((*self._place, path), wrong, "a value that the WSDL allows")


def _sample_filling(parameters: Mapping[str, Parameter]) -> Filling:
    """What a plausible request is filled with, two of whatever is repeated."""
    values: dict[str, object] = dict(SAMPLES)
    for _, template in mapped_templates(parameters):
        values |= {each.name: f"a {each.name.partition('.')[2]}" for each in template.fields if "." in each.name}
    several: list[Values] = [values, {**values, "channel": "ivr1-002", "ready": False}]
    return Filling(values, {CHANNEL: several, CHANGE: several}, {})


def _path_of(element: etree._Element, text: str) -> str:
    """The path in a profile of an element in a request, or of the attribute of it that a text speaks of."""
    names = [local_name(each) for each in (element, *element.iterancestors())][-2::-1]
    attribute = _ATTRIBUTE.search(text)
    return "/".join([*names, f"@{attribute[1]}"] if attribute else names) or ITSELF


def _braced(name: str) -> str:
    return f"{{{name}}}"
