"""The schema of a WSDL, put together from all its files: what a message must be like."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from threading import local
from typing import Any

from attrs import frozen
from lxml import etree

from agentchan.ce.schema_documents import FIRST, Wrapper, schema_documents
from agentchan.ce.shapes import Content, Shape
from agentchan.ce.wsdl_files import WsdlError, WsdlFiles

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_XSI_TYPE = f"{_XSI}type"
_NOISE = re.compile(r"\{[^{}']*\}(?=\w)|\[facet '\w+'\] ")
"""In libxml2's messages: the namespace before a name, and which facet it was."""

_LONGEST_PROBLEM = 300
_OF_VALUES = re.compile(r"SCHEMAV_CVC_\w+_VALID")


@frozen
class SchemaProblem:
    """Something that is not as the schema says.

    Attributes:
        element: where.
        text: what, without namespaces.
        of_value: whether a text is wrong, rather than which elements and attributes there are.
    """

    element: etree._Element
    text: str
    of_value: bool


class Schema:
    """Checks elements against a WSDL's own types.

    Args:
        files: the WSDL.
        wrappers: of its rpc messages.

    Raises:
        WsdlError: libxml2 cannot make a schema of it.
    """

    def __init__(self, files: WsdlFiles, wrappers: Sequence[Wrapper] = ()) -> None:
        self._documents = schema_documents(files, wrappers)
        self._compiled = local()
        self._compile()

    def fault(self, element: etree._Element, shape: Shape | None) -> str | None:
        """What is wrong with an element, None if nothing is.

        Elements and attributes that were added to the known ones are tolerated: a server may be newer than its WSDL.

        Args:
            element: it; not changed.
            shape: what it is by the WSDL; None: nothing added is tolerated.
        """
        schema = self._compile()
        if schema.validate(element):
            return None
        if shape is not None:
            known = deepcopy(element)
            _prune(known, shape.content)
            if schema.validate(known):
                return None
        return "; ".join(_said(entry) for entry in _entries(schema)[:2])[:_LONGEST_PROBLEM] or "it is not valid"

    def problems(self, element: etree._Element) -> list[SchemaProblem]:
        """All that is wrong with an element, with nothing tolerated."""
        schema = self._compile()
        if schema.validate(element):
            return []
        tree = element.getroottree()
        return [
            SchemaProblem(
                _first(tree.xpath(entry.path), element), _said(entry), bool(_OF_VALUES.match(entry.type_name))
            )
            for entry in _entries(schema)
        ]

    def _compile(self) -> etree.XMLSchema:
        """A compiled schema of this thread's own: its error log is not to be shared."""
        schema: etree.XMLSchema | None = getattr(self._compiled, "schema", None)
        if schema is None:
            schema = self._compiled.schema = _compiled(self._documents)
        return schema


def _entries(schema: etree.XMLSchema) -> list[Any]:
    log: Any = schema.error_log  # lxml-stubs do not know that it is iterable
    return list(log)


def _said(entry: Any) -> str:
    return _NOISE.sub("", str(entry.message)).strip()


def _first(found: Any, otherwise: etree._Element) -> etree._Element:
    return found[0] if isinstance(found, list) and found else otherwise


def _prune(element: etree._Element, content: Content) -> None:
    """Remove what its type does not know; where anything may be, only what could have been a known one."""
    for name in element.keys():  # noqa: SIM118 - an element is no dictionary
        # A derived type that is named is read as the WSDL's own.
        if name == _XSI_TYPE or not (name in content.attribute_tags or str(name).startswith(_XSI)):
            del element.attrib[name]
    inside: Mapping[Any, Content] = content.inside
    own = str(element.tag).rpartition("}")[0]
    for child in list(element):
        inner = inside.get(child.tag)
        if inner is not None:
            _prune(child, inner)
        elif not content.open or str(child.tag).rpartition("}")[0] == own:
            element.remove(child)


class _Memory(etree.Resolver):
    """Finds the documents that refer to each other, and no others."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        super().__init__()
        self._documents = documents

    def resolve(self, system_url: str, public_id: str, context: Any = None) -> Any:  # noqa: ARG002 - lxml's signature
        """The document of a URL of ours; anything else is empty, which libxml2 refuses."""
        return self.resolve_string(self._documents.get(system_url, ""), context, base_url=system_url)


def _compiled(documents: Mapping[str, str]) -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=False)
    parser.resolvers.add(_Memory(documents))
    try:
        return etree.XMLSchema(etree.fromstring(documents[FIRST], parser))
    except etree.XMLSchemaParseError as error:
        raise WsdlError(f"no schema can be made of it: {error}") from None
