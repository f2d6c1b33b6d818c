"""The documents of a WSDL's schema, put together so that libxml2 takes them.

It takes one document per namespace, and finds the others by the URLs in their references. A WSDL may have several for
one namespace, some in itself and some in files: each gets a URL of our own, and those of one namespace one more
document, which includes them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from urllib.parse import quote, unquote
from xml.sax.saxutils import quoteattr

from attrs import frozen
from lxml import etree

from agentchan.ce.wsdl_files import XSD, WsdlFiles, resolved

_SCHEMA = f"{{{XSD}}}schema"
_IMPORT = f"{{{XSD}}}import"
_INCLUDES = (f"{{{XSD}}}include", f"{{{XSD}}}redefine")
_URL = "agentchan:"

FIRST = ""
"""The URL of the document that imports all others."""


@frozen
class Wrapper:
    """The element around an rpc message's parts, which no schema has: its tag, and the parts' names and types."""

    tag: str
    parts: tuple[tuple[str, str], ...]


def schema_documents(files: WsdlFiles, wrappers: Sequence[Wrapper]) -> dict[str, str]:
    """Every schema document by a URL of our own, with its references changed to such URLs.

    Args:
        files: the WSDL.
        wrappers: of its rpc messages.
    """
    roots = _roots(files)
    members: dict[str, list[str]] = {}
    for url in _not_included(roots):
        members.setdefault(roots[url].get("targetNamespace", ""), []).append(url)
    wrapper_urls = {f"{_URL}wrapper-{number}": wrapper for number, wrapper in enumerate(wrappers)}
    for url, wrapper in wrapper_urls.items():
        members.setdefault(_space(wrapper.tag), []).append(url)
    texts: dict[str, str] = {}
    whole: dict[str, str] = {}
    for number, (space, urls) in enumerate(members.items()):
        whole[space] = urls[0] if len(urls) == 1 else f"{_URL}whole-{number}"
        if len(urls) > 1:
            includes = "".join(f"<xs:include schemaLocation={quoteattr(url)}/>" for url in urls)
            texts[whole[space]] = _document(space, includes)
    for url, root in roots.items():
        texts[url] = _localized(url, root, whole)
    for url, wrapper in wrapper_urls.items():
        texts[url] = _wrapper(wrapper, whole)
    texts[FIRST] = _document(f"{_URL}all", _imports(whole, whole))
    return texts


def _roots(files: WsdlFiles) -> dict[str, etree._Element]:
    """The schema documents by a URL of our own."""
    roots: dict[str, etree._Element] = {}
    for file in files.files.values():
        if file.root.tag == _SCHEMA:
            roots[_url(file.name)] = file.root
            continue
        for number, inline in enumerate(file.root.iter(_SCHEMA)):
            # A document of its own, with the namespaces that it had from above.
            roots[f"{_url(file.name)}#{number}"] = etree.fromstring(etree.tostring(inline, with_tail=False))
    return roots


def _not_included(roots: Mapping[str, etree._Element]) -> list[str]:
    """The documents that no other includes; of those that include each other, the first."""
    standing: list[str] = []
    covered: set[str] = set()
    for url in roots:
        if url not in covered:
            inside = _included(url, roots)
            covered |= inside | {url}
            standing = [each for each in standing if each not in inside] + [url]
    return standing


def _included(url: str, roots: Mapping[str, etree._Element]) -> set[str]:
    """The documents that one includes, directly or not."""
    found: set[str] = set()
    waiting = [url]
    while waiting:
        here = waiting.pop()
        for each in roots[here]:
            inner = _url(resolved(_file_of(here), each.get("schemaLocation", ""))) if each.tag in _INCLUDES else here
            if inner in roots and inner not in found and inner != here:
                found.add(inner)
                waiting.append(inner)
    return found


def _localized(url: str, root: etree._Element, whole: Mapping[str, str]) -> str:
    """A schema document as text, with its references changed to URLs of our own."""
    copy = deepcopy(root)
    for each in list(copy):
        if each.tag == _IMPORT:
            target = whole.get(each.get("namespace", ""))
            if target is None:
                copy.remove(each)
            else:
                each.set("schemaLocation", target)
        elif each.tag in _INCLUDES:
            each.set("schemaLocation", _url(resolved(_file_of(url), each.get("schemaLocation") or "")))
    return etree.tostring(copy, encoding="unicode")


def _wrapper(wrapper: Wrapper, whole: Mapping[str, str]) -> str:
    """A schema for an rpc message's wrapper (WS-I Basic Profile 1.1, 4.7): its parts are unqualified."""
    space = _space(wrapper.tag)
    others = sorted({_space(type_name) for _, type_name in wrapper.parts} - {XSD})
    elements = "".join(
        f"<xs:element name={quoteattr(name)} type={quoteattr(_prefixed(type_name, others))} form='unqualified'/>"
        for name, type_name in wrapper.parts
    )
    name = quoteattr(wrapper.tag.rpartition("}")[2])
    inside = f"<xs:complexType><xs:sequence>{elements}</xs:sequence></xs:complexType>"
    declared = "".join(f" xmlns:n{number}={quoteattr(each)}" for number, each in enumerate(others) if each)
    imports = _imports([each for each in others if each != space], whole)
    return _document(space, f"{imports}<xs:element name={name}>{inside}</xs:element>", declared)


def _prefixed(type_name: str, spaces: Sequence[str]) -> str:
    space, name = _space(type_name), type_name.rpartition("}")[2]
    if not space:
        return name
    return f"xs:{name}" if space == XSD else f"n{spaces.index(space)}:{name}"


def _document(space: str, inside: str, declared: str = "") -> str:
    target = f" targetNamespace={quoteattr(space)}" if space else ""
    return f'<xs:schema xmlns:xs="{XSD}"{declared}{target}>{inside}</xs:schema>'


def _imports(spaces: Iterable[str], whole: Mapping[str, str]) -> str:
    return "".join(
        f"<xs:import{f' namespace={quoteattr(space)}' if space else ''} schemaLocation={quoteattr(whole[space])}/>"
        for space in spaces
        if space in whole
    )


def _url(name: str) -> str:
    return f"{_URL}{quote(name)}"


def _file_of(url: str) -> str:
    return unquote(url.removeprefix(_URL).partition("#")[0])


def _space(tag: str) -> str:
    """The namespace of a name such as ``{urn:x}Name``."""
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""
