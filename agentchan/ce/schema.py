"""The schema of a WSDL, put together from all its files: what a message must be like."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from threading import local
from typing import Any

from lxml import etree

from agentchan.ce.shapes import Shape
from agentchan.ce.wsdl_files import XSD, WsdlError, WsdlFiles, resolved

_SCHEMA = f"{{{XSD}}}schema"
_IMPORT = f"{{{XSD}}}import"
_INCLUDES = (f"{{{XSD}}}include", f"{{{XSD}}}redefine")
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_URL = "agentchan:"


class Schema:
    """Checks elements against a WSDL's own types.

    Args:
        files: the WSDL.
        wrappers: elements of rpc messages, which no schema has: tag and the children's names and types.

    Raises:
        WsdlError: libxml2 cannot make a schema of it.
    """

    def __init__(self, files: WsdlFiles, wrappers: Mapping[str, tuple[tuple[str, str], ...]] | None = None) -> None:
        self._documents = _documents(files, wrappers or {})
        self._globals = frozenset(
            f"{{{space}}}{name}" if space else name
            for file in files.files.values()
            for schema in file.root.iter(_SCHEMA)
            for space in (schema.get("targetNamespace", ""),)
            for each in schema.findall(f"{{{XSD}}}element")
            if (name := each.get("name"))
        )
        self._compiled = local()
        self._compile()

    def fault(self, element: etree._Element, shape: Shape | None) -> str | None:
        """What is wrong with an element, None if nothing is.

        Elements and attributes that were added to the known ones are tolerated: a server may be newer than its WSDL.

        Args:
            element: it; not changed.
            shape: what its children are by the WSDL; None: nothing added is tolerated.
        """
        schema = self._compile()
        if schema.validate(element):
            return None
        if shape is not None:
            known = deepcopy(element)
            _prune(known, shape)
            if schema.validate(known):
                return None
        entries = list(schema.error_log)  # type: ignore[call-overload]  # lxml-stubs do not know that it is iterable
        return "; ".join(str(entry.message) for entry in entries[:2])[:400] or "it is not valid"

    def fault_of_known(self, element: etree._Element) -> str | None:
        """What is wrong with an element that the schema declares; None if nothing is, or it does not declare it."""
        return self.fault(element, None) if str(element.tag) in self._globals else None

    def _compile(self) -> etree.XMLSchema:
        """A compiled schema of this thread's own: its error log is not to be shared."""
        schema: etree.XMLSchema | None = getattr(self._compiled, "schema", None)
        if schema is None:
            schema = self._compiled.schema = _compiled(self._documents)
        return schema


def _prune(element: etree._Element, shape: Shape) -> None:
    """Remove what the shape does not know."""
    if shape.open:
        return
    known = {child.tag: child for child in shape.children}
    attributes = {each.tag for each in shape.attributes}
    for name in list(element.attrib):
        if not str(name).startswith(_XSI) and name not in attributes:
            del element.attrib[name]
    for child in list(element):
        inner = known.get(str(child.tag))
        if inner is None:
            element.remove(child)
        else:
            _prune(child, inner)


def _documents(files: WsdlFiles, wrappers: Mapping[str, tuple[tuple[str, str], ...]]) -> dict[str, str]:
    """Every schema document by a URL of our own, with its references changed to such URLs; ``""`` is the first."""
    roots: dict[str, etree._Element] = {}
    for file in files.files.values():
        if file.root.tag == _SCHEMA:
            roots[f"{_URL}{file.name}"] = file.root
        for number, inline in enumerate(file.root.iter(_SCHEMA)):
            if inline is not file.root:
                # A document of its own, with the namespaces that it had from above.
                roots[f"{_URL}{file.name}#{number}"] = etree.fromstring(etree.tostring(inline))
    included = {
        f"{_URL}{resolved(url.removeprefix(_URL).partition('#')[0], location)}"
        for url, root in roots.items()
        for each in root
        if each.tag in _INCLUDES and (location := each.get("schemaLocation"))
    }
    spaces: dict[str, list[str]] = {}
    for url, root in roots.items():
        if url not in included:
            spaces.setdefault(root.get("targetNamespace", ""), []).append(url)
    wrapper_urls = {tag: f"{_URL}wrapper-{number}" for number, tag in enumerate(wrappers)}
    for tag, url in wrapper_urls.items():
        spaces.setdefault(_space(tag), []).append(url)
    texts: dict[str, str] = {}
    whole: dict[str, str] = {}
    for number, (space, urls) in enumerate(spaces.items()):
        if len(urls) == 1:
            whole[space] = urls[0]
        else:
            # libxml2 takes one document per namespace: one that includes them all.
            whole[space] = f"{_URL}+{number}"
            target = f' targetNamespace="{_escaped(space)}"' if space else ""
            includes = "".join(f'<xs:include schemaLocation="{_escaped(url)}"/>' for url in urls)
            texts[whole[space]] = f'<xs:schema xmlns:xs="{XSD}"{target}>{includes}</xs:schema>'
    for url, root in roots.items():
        texts[url] = _localized(url, root, whole)
    for tag, url in wrapper_urls.items():
        texts[url] = _wrapper(tag, wrappers[tag], whole)
    imports = "".join(
        f'<xs:import namespace="{_escaped(space)}" schemaLocation="{_escaped(url)}"/>'
        if space
        else f'<xs:import schemaLocation="{_escaped(url)}"/>'
        for space, url in whole.items()
    )
    texts[""] = f'<xs:schema xmlns:xs="{XSD}" targetNamespace="{_URL}all">{imports}</xs:schema>'
    return texts


def _localized(url: str, root: etree._Element, whole: Mapping[str, str]) -> str:
    """A schema document as text, with its references changed to URLs of our own."""
    copy = deepcopy(root)
    name = url.removeprefix(_URL).partition("#")[0]
    for each in list(copy):
        if each.tag == _IMPORT:
            target = whole.get(each.get("namespace", ""))
            if target is None:
                copy.remove(each)
            else:
                each.set("schemaLocation", target)
        elif each.tag in _INCLUDES:
            each.set("schemaLocation", f"{_URL}{resolved(name, each.get('schemaLocation') or '')}")
    return etree.tostring(copy, encoding="unicode")


def _wrapper(tag: str, parts: tuple[tuple[str, str], ...], whole: Mapping[str, str]) -> str:
    """A schema for the element that wraps an rpc message's parts (WS-I Basic Profile 1.1, 4.7)."""
    space, name = _space(tag), tag.rpartition("}")[2]
    spaces = sorted({_space(type_name) for _, type_name in parts} - {XSD, ""})
    prefixes = {each: f"n{number}" for number, each in enumerate(spaces)} | {XSD: "xs"}
    elements = ""
    for part, type_name in parts:
        prefix, local_type = prefixes.get(_space(type_name), "xs"), type_name.rpartition("}")[2]
        elements += f'<xs:element name="{part}" type="{prefix}:{local_type}" form="unqualified"/>'
    declared = "".join(f' xmlns:{prefix}="{_escaped(each)}"' for each, prefix in prefixes.items())
    imports = "".join(
        f'<xs:import namespace="{_escaped(each)}" schemaLocation="{_escaped(whole[each])}"/>'
        for each in spaces
        if each in whole and each != space
    )
    return (
        f'<xs:schema{declared} targetNamespace="{_escaped(space)}">{imports}'
        f'<xs:element name="{name}"><xs:complexType>'
        f"<xs:sequence>{elements}</xs:sequence></xs:complexType></xs:element></xs:schema>"
    )


def _space(tag: str) -> str:
    """The namespace of a name such as ``{urn:x}Name``."""
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


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
        return etree.XMLSchema(etree.fromstring(documents[""], parser))
    except etree.XMLSchemaParseError as error:
        raise WsdlError(f"no schema can be made of it: {error}") from None
