"""A WSDL and all that it imports, from one folder on disk; nothing is ever fetched from anywhere else."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from attrs import frozen
from lxml import etree

from agentchan.ce.xml_input import XmlRefused, parse_xml
from agentchan.config.files import FileUnusableError, read_file

WSDL = "http://schemas.xmlsoap.org/wsdl/"
XSD = "http://www.w3.org/2001/XMLSchema"
SOAP_BINDINGS = ("http://schemas.xmlsoap.org/wsdl/soap/", "http://schemas.xmlsoap.org/wsdl/soap12/")
"""The namespaces of the bindings of both versions of SOAP."""

LOCATION = "file:///profile/"
"""What the names of files begin with for zeep, which needs a base that relative locations start from. There is no such
folder, and zeep reads nothing itself."""

_LARGEST = 8 * 1024 * 1024
_MOST = 200
_XML = "http://www.w3.org/XML/1998/namespace"
_REFERENCES = (
    (f"{{{WSDL}}}import", "location"),
    (f"{{{XSD}}}import", "schemaLocation"),
    (f"{{{XSD}}}include", "schemaLocation"),
    (f"{{{XSD}}}redefine", "schemaLocation"),
)


class WsdlError(Exception):
    """A WSDL, or a file that it imports, cannot be used; the text names the file and says why."""


@frozen
class WsdlFile:
    """One file.

    Attributes:
        name: its path within the folder, with slashes.
        root: its root element.
    """

    name: str
    data: bytes
    root: etree._Element


@frozen
class WsdlFiles:
    """A WSDL and all that it imports or includes.

    Attributes:
        main: the name of the WSDL itself.
        files: all of them by name.
    """

    main: str
    files: Mapping[str, WsdlFile]

    @classmethod
    def read(cls, folder: Path, main: str) -> WsdlFiles:
        """Read them; blocks.

        Raises:
            WsdlError: one of them is missing, is not what it should be, or is outside the folder.
        """
        main = resolved("", main)
        files: dict[str, WsdlFile] = {}
        waiting = [(main, "the profile")]
        while waiting:
            name, asked_by = waiting.pop()
            if name in files:
                continue
            if len(files) >= _MOST:
                raise WsdlError(f"{main} imports more than {_MOST} files")
            file = _read(folder, name, asked_by)
            files[name] = file
            waiting += [(other, name) for other in imported(file)]
        return cls(main, files)

    def load(self, url: str) -> bytes:
        """What zeep asks for while it reads the WSDL, by :data:`LOCATION` and the file's name.

        Raises:
            WsdlError: it is none of these files.
        """
        file = self.files.get(unquote(url.removeprefix(LOCATION)))
        if file is None:
            raise WsdlError(f"{self.main} refers to {url}, which is no file of the profile")
        return file.data

    def served(self, address: str, name: str | None = None) -> bytes | None:
        """One file, for clients of ours: with our address in it instead of CE's, and references that lead to us.

        Args:
            address: where the WSDL's service is offered; ``?wsdl=NAME`` behind it asks for a file.
            name: which file; None: the WSDL itself.

        Returns:
            The file, or None if there is none of that name.
        """
        file = self.files.get(self.main if name is None else name)
        if file is None:
            return None
        copy = WsdlFile(file.name, file.data, deepcopy(file.root))
        for element, attribute, other in references(copy):
            element.set(attribute, f"{address}?wsdl={quote(other)}")
        # Those of other bindings too: a script that found CE's own address there would go past the journal.
        for element in copy.root.iterfind(f".//{{{WSDL}}}port/*[@location]"):
            element.set("location", address)
        return etree.tostring(copy.root, xml_declaration=True, encoding="utf-8")


def references(file: WsdlFile) -> Iterator[tuple[etree._Element, str, str]]:
    """Every element that refers to another file, the attribute that does, and that file's name in the folder."""
    for tag, attribute in _REFERENCES:
        for element in file.root.iter(tag):
            location = element.get(attribute)
            if location:
                yield element, attribute, resolved(file.name, location)


def imported(file: WsdlFile) -> list[str]:
    """The names of the files that a file refers to."""
    return [name for _, _, name in references(file)]


def resolved(base: str, location: str) -> str:
    """The name within the folder of a location that stands in the file ``base``; a URL stays what it is."""
    if _is_url(location):
        return location
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(location)))


def _is_url(location: str) -> bool:
    try:
        return bool(urlsplit(location).scheme) or location.startswith("//")
    except ValueError:  # say, a malformed IPv6 address
        return True


def _read(folder: Path, name: str, asked_by: str) -> WsdlFile:
    if _is_url(name):
        raise WsdlError(f"{asked_by} names {name}; a profile has all its files in its own folder")
    if name.startswith("/") or name.partition("/")[0] == "..":
        raise WsdlError(f"{asked_by} names {name}, which is outside the profile's folder")
    path = folder / name
    try:
        data = read_file(path, _LARGEST)
        root = parse_xml(data)
    except FileUnusableError as error:
        raise WsdlError(f"{path} {error}, but {asked_by} names it") from None
    except XmlRefused as error:
        raise WsdlError(f"{path} cannot be read: {error}") from None
    if any(each.get("namespace") == _XML and not each.get("schemaLocation") for each in root.iter(f"{{{XSD}}}import")):
        raise WsdlError(
            f"{path} imports the namespace of xml:lang from nowhere: put a copy of https://www.w3.org/2001/xml.xsd in "
            "the folder, and name it there as the schemaLocation"
        )
    return WsdlFile(name, data, root)
