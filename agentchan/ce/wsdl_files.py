"""A WSDL and all that it imports, from one folder on disk; nothing is ever fetched from anywhere else."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from attrs import frozen
from lxml import etree

from agentchan.ce.xml_input import XmlRefused, parse_xml
from agentchan.config.files import FileUnusableError, read_file

WSDL = "http://schemas.xmlsoap.org/wsdl/"
XSD = "http://www.w3.org/2001/XMLSchema"

_LARGEST = 8 * 1024 * 1024
_MOST = 200


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
        """What zeep asks for while it reads the WSDL: by name, below a folder that does not exist.

        Raises:
            WsdlError: it is none of these files.
        """
        name = posixpath.normpath(url.removeprefix(LOCATION))
        if name not in self.files:
            raise WsdlError(f"{self.main} refers to {url}, which is no file of the profile")
        return self.files[name].data


LOCATION = "/profile/"
"""What the names of files begin with for zeep, which needs an absolute path that relative locations start from. There
need be no such folder."""


def references(file: WsdlFile) -> Iterator[tuple[etree._Element, str, str]]:
    """Every element that refers to another file, the attribute that does, and that file's name in the folder."""
    for tag, attribute in (
        (f"{{{WSDL}}}import", "location"),
        (f"{{{XSD}}}import", "schemaLocation"),
        (f"{{{XSD}}}include", "schemaLocation"),
        (f"{{{XSD}}}redefine", "schemaLocation"),
    ):
        for element in file.root.iter(tag):
            location = element.get(attribute)
            if location:
                yield element, attribute, resolved(file.name, location)


def imported(file: WsdlFile) -> list[str]:
    """The names of the files that a file refers to."""
    return [name for _, _, name in references(file)]


def resolved(base: str, location: str) -> str:
    """The name within the folder of a location that stands in the file ``base``; a URL stays what it is."""
    if urlsplit(location).scheme or location.startswith("//"):
        return location
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(location)))


def _read(folder: Path, name: str, asked_by: str) -> WsdlFile:
    if urlsplit(name).scheme or name.startswith("//"):
        raise WsdlError(f"{asked_by} imports {name}; a profile has all its files in its own folder")
    if name.startswith(("/", "..")):
        raise WsdlError(f"{asked_by} names {name}, which is outside the profile's folder")
    path = folder / name
    try:
        data = read_file(path, _LARGEST)
        root = parse_xml(data)
    except FileUnusableError as error:
        raise WsdlError(f"{path} {error}, but {asked_by} names it") from None
    except XmlRefused as error:
        raise WsdlError(f"{path} cannot be read: {error}") from None
    return WsdlFile(name, data, root)
