"""Fetches a WSDL and all that it imports, and bundles them: files with local names that refer to each other.

This is the only place that ever fetches a WSDL. It is asked for by an operator, and bounded in number, size and time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from attrs import define, field, frozen
from lxml import etree
from twisted.internet.defer import Deferred

from agentchan.ce.errors import one_line
from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.wsdl_files import WSDL, XSD, WsdlFile, references
from agentchan.ce.xml_input import XmlRefused, local_name, parse_xml
from agentchan.config.files import FileUnusableError, read_file
from agentchan.profile_tools.http_get import GetFailed, Got
from agentchan.profile_tools.xml_schema import XML_NAMESPACE, XML_SCHEMA, XML_SCHEMA_PLACES

MOST_FILES = 200
LARGEST_FILE = 8 * 1024 * 1024
LARGEST_BUNDLE = 32 * 1024 * 1024
MOST_REDIRECTIONS = 5

_OK = 200
_REDIRECTIONS = (301, 302, 303, 307, 308)
_BUILT_IN = "agentchan:xml.xsd"
_SLUG = re.compile(r"[^a-z0-9]+")
_ENDINGS = re.compile(r"\.(svc|asmx|wsdl|xsd|aspx|php|jws|xml)$")
_REMEDIES = {
    401: "it wants to know who asks: --username and --password-file",
    403: "it does not let us in: --username and --password-file",
    404: "there is nothing at this URL; a WSDL is mostly at the service's address with ?wsdl behind it",
}


class DownloadError(Exception):
    """A WSDL cannot be had; the text names the URL and says why."""


@frozen
class Bundle:
    """A WSDL and all that it imports.

    Attributes:
        main: the name of the WSDL itself.
        files: their bytes by name; their references are such names.
        origins: where each was fetched, by name.
        notes: what the operator should know.
    """

    main: str
    files: Mapping[str, bytes]
    origins: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Write the files; blocks."""
        for name, octets in self.files.items():
            (folder / name).write_bytes(octets)


@frozen
class _Document:
    """One fetched document, whose references are changed when all names are known.

    Attributes:
        references: each element and attribute that refers to another document, with that one's address.
    """

    root: etree._Element
    references: tuple[tuple[etree._Element, str, str], ...]

    @property
    def is_schema(self) -> bool:
        """Whether it is a schema of its own, rather than a WSDL."""
        return self.root.tag == f"{{{XSD}}}schema"


Fetch = Callable[[ServiceUrl, bool], Deferred[Got]]
"""Asks for what is at a URL, told whether it is of the place that the operator named; the errback is GetFailed."""


@define(eq=False)
class Download:
    """Fetches one WSDL.

    Args:
        fetch: asks for what is at a URL.
        taken: names of files that are not to be used again.
    """

    _fetch: Fetch
    _taken: set[str] = field(factory=set)
    _documents: dict[str, _Document] = field(factory=dict)
    _notes: list[str] = field(factory=list)
    _size: int = 0
    _source: str = ""

    async def bundle(self, source: str, main: str | None = None) -> Bundle:
        """Fetch it.

        Args:
            source: its URL, or the path of a file.
            main: the name that it gets; None: one like its URL's.

        Raises:
            DownloadError: it, or something that it imports, cannot be had.
        """
        self._source = _address_of(source)
        waiting = [await self._begin()]
        while waiting:
            address = waiting.pop()
            document = self._documents.get(address) or await self._get(address)
            waiting += [other for _, _, other in document.references if other not in self._documents]
        return self._named(main)

    async def _begin(self) -> str:
        """The address of the WSDL; where the operator named the service itself, that with ?wsdl behind it."""
        try:
            document = await self._get(self._source)
            wrong = None if document.root.tag == f"{{{WSDL}}}definitions" else self._what_else(document.root)
        except DownloadError as error:
            wrong = str(error)
        if wrong is None:
            return self._source
        self._documents.clear()
        if urlsplit(self._source).query or self._source.startswith("file:"):
            raise DownloadError(wrong)
        try:
            document = await self._get(f"{self._source}?wsdl")
        except DownloadError:
            raise DownloadError(wrong) from None
        if document.root.tag != f"{{{WSDL}}}definitions":
            raise DownloadError(wrong)
        self._notes.append(f"{self._source} is the service itself; its WSDL was found at {self._source}?wsdl")
        self._source = f"{self._source}?wsdl"
        return self._source

    def _what_else(self, root: etree._Element) -> str:
        if local_name(root) == "description":
            return f"{self._source} is a WSDL 2.0; only WSDL 1.1 can be read"
        return f"{self._source} is no WSDL: its root element is {one_line(str(root.tag), 100)}"

    # -- one document --------------------------------------------------------------------------------------------------

    async def _get(self, address: str) -> _Document:
        if len(self._documents) >= MOST_FILES:
            raise DownloadError(f"{self._source} imports more than {MOST_FILES} files")
        octets = await self._octets(address)
        self._size += len(octets)
        if self._size > LARGEST_BUNDLE:
            raise DownloadError(f"{self._source} and its imports have more than {LARGEST_BUNDLE // 1024**2} MiB")
        try:
            root = parse_xml(octets)
        except XmlRefused as error:
            begin = one_line(octets[:60].decode(errors="replace"))
            raise DownloadError(f"{address} cannot be read: {error}; it begins with: {begin}") from None
        document = self._documents[address] = _Document(root, tuple(self._references(address, root)))
        return document

    def _references(self, address: str, root: etree._Element) -> Iterator[tuple[etree._Element, str, str]]:
        for element in root.iter(f"{{{XSD}}}import"):
            # The schema of xml:lang is the same everywhere, and its home is far away.
            place = element.get("schemaLocation")
            if element.get("namespace") == XML_NAMESPACE and (place is None or place in XML_SCHEMA_PLACES):
                element.set("schemaLocation", _BUILT_IN)
        for element, attribute, _ in references(WsdlFile("", b"", root)):
            location = element.get(attribute) or ""
            other = location if location == _BUILT_IN else urldefrag(urljoin(address, location)).url
            if other.startswith("file:") and not self._source.startswith("file:"):
                raise DownloadError(f"{address} imports {location}, a file, which is not read for it")
            yield element, attribute, other

    async def _octets(self, address: str) -> bytes:
        if address == _BUILT_IN:
            return XML_SCHEMA
        if address.startswith("file:"):
            try:
                return read_file(Path(unquote(urlsplit(address).path)), LARGEST_FILE)
            except FileUnusableError as error:
                raise DownloadError(f"{address} {error}") from None
        try:
            return await self._follow(address)
        except GetFailed as failure:
            here = self._here(address)
            if here is None:
                raise DownloadError(f"{address} cannot be fetched: {failure}") from None
            # What a server believes to be its name is often known to itself alone.
            try:
                octets = await self._follow(here)
            except GetFailed:
                raise DownloadError(f"{address} cannot be fetched: {failure}") from None
            self._notes.append(f"{address} cannot be fetched ({failure}); taken from {here} instead")
            return octets

    def _here(self, address: str) -> str | None:
        """The same address at the place that the operator named; None where it is there already."""
        source, other = urlsplit(self._source), urlsplit(address)
        if source.scheme == "file" or (source.scheme, source.netloc) == (other.scheme, other.netloc):
            return None
        return other._replace(scheme=source.scheme, netloc=source.netloc).geturl()

    async def _follow(self, address: str) -> bytes:
        """What is at an address, or where it sends us instead.

        Raises:
            GetFailed: nobody answers.
            DownloadError: it answers with something else.
        """
        at = address
        for _ in range(MOST_REDIRECTIONS):
            try:
                url = ServiceUrl.parse(at)
            except ValueError as error:
                raise DownloadError(str(error)) from None
            source = urlsplit(self._source)
            got = await self._fetch(url, (source.scheme, source.netloc) == urlsplit(at)[:2])
            if got.status not in _REDIRECTIONS or got.location is None:
                break
            at = urljoin(at, got.location)
        if got.status != _OK:
            remedy = _REMEDIES.get(got.status)
            raise DownloadError(f"{at} answered with HTTP status {got.status}" + (f": {remedy}" if remedy else ""))
        return got.body

    # -- names ---------------------------------------------------------------------------------------------------------

    def _named(self, main: str | None) -> Bundle:
        """All documents, under names of their own."""
        names: dict[str, str] = {}
        for address, document in self._documents.items():
            wanted = main if main is not None and address == self._source else _name(address, document)
            names[address] = self._unused(wanted)
        for document in self._documents.values():
            for element, attribute, other in document.references:
                element.set(attribute, names[other])
        files = {
            names[address]: etree.tostring(document.root, xml_declaration=True, encoding="utf-8", pretty_print=True)
            for address, document in self._documents.items()
        }
        origins = {name: address for address, name in names.items() if address != _BUILT_IN}
        return Bundle(names[self._source], files, origins, tuple(self._notes))

    def _unused(self, name: str) -> str:
        stem, dot, ending = name.rpartition(".")
        number = 1
        while name in self._taken:
            number += 1
            name = f"{stem}-{number}{dot}{ending}"
        self._taken.add(name)
        return name


def _address_of(source: str) -> str:
    return source if "://" in source else Path(source).absolute().as_uri()


def _name(address: str, document: _Document) -> str:
    """A file name like an address: ``…/IVRConnector.svc?xsd=xsd0`` becomes ``ivrconnector-xsd0.xsd``."""
    if address == _BUILT_IN:
        return "xml.xsd"
    parts = urlsplit(address)
    last = parts.path.rstrip("/").rpartition("/")[2].lower()
    words = [_ENDINGS.sub("", last), parts.query.lower().rpartition("=")[2] if "=" in parts.query else ""]
    slug = "-".join(filter(None, (_SLUG.sub("-", word).strip("-") for word in words)))
    return (slug[:60] or "service") + (".xsd" if document.is_schema else ".wsdl")
