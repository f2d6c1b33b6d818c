"""XML from outside: parsed without document types, entities, files or the network."""

from __future__ import annotations

import re
from threading import local
from typing import Any

from lxml import etree

_SPACES = re.compile(r"[ \t\r\n]+")


class XmlRefused(Exception):  # noqa: N818 - it names an outcome, not a bug
    """These bytes are no XML, or XML that is not read; the text says why."""


class _Parsers(local):
    """A parser per thread: lxml's may not be shared while they work.

    ``collect_ids=False`` would spare nothing and make libxml2 read external subsets, whatever ``load_dtd`` says.
    """

    def __init__(self) -> None:
        self.parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )


_parsers = _Parsers()


def parse_xml(data: bytes) -> etree._Element:
    """The root of a document, in whichever encoding it says or its first bytes show.

    Raises:
        XmlRefused: it is not well-formed, is nested too deeply, or has a document type.
    """
    try:
        root: etree._Element = etree.fromstring(data, _parsers.parser)
    except etree.XMLSyntaxError as error:
        raise XmlRefused(f"it is not well-formed XML ({error.msg})") from None
    info: Any = root.getroottree().docinfo
    if info.doctype or info.internalDTD is not None:
        raise XmlRefused("it has a document type declaration, which SOAP forbids")
    return root


def local_name(element: etree._Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def collapsed(text: str) -> str:
    """A text with its white space collapsed as ``xs:token`` has it; other spaces of Unicode are letters to XML."""
    return text if _SPACES.search(text) is None else _SPACES.sub(" ", text).strip(" ")


def text_of(element: etree._Element) -> str:
    """An element's text, collapsed."""
    return collapsed(element.text or "")
