"""The WSDL of a CE that nobody has seen before: a first profile that is TOML and can be read, or why there is none.

Besides it there are the schemas of a made-up site, which it may import.
"""

from __future__ import annotations

import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from agentchan.ce.profile_loader import load_profile
from agentchan.ce.profile_reading import ProfileError
from agentchan.ce.wsdl import Service, read_service
from agentchan.ce.wsdl_files import WsdlError
from agentchan.profile_tools.first_profile import decisions, profile_text
from agentchan.profile_tools.guessing import draft
from tests.ce.wsdls import FOLDER
from tests.fuzz.soap_replies import XML, changed_tree
from tests.fuzz.target import COMMAND, Target, allowed, tried

_PIECES = (
    *(b' type="xs:string"', b' minOccurs="0"', b' maxOccurs="unbounded"', b"<xs:any/>", b' nillable="true"', b"tns:"),
    *(b"<xs:choice>", b"</xs:choice>", b' ref="', b' base="', b"xsd/data.xsd", b"../profile.toml", b' style="rpc"'),
    *(b' use="encoded"', b'schemaLocation="', b"soap12:", b"http://127.0.0.1:1/x.xsd", b"file:///etc/passwd"),
)


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="profile-")) / "site"
    shutil.copytree(FOLDER / "wcf", folder)
    return folder


def _works(data: bytes) -> Iterator[Callable[[], object]]:
    folder = _folder()
    (folder / "service.wsdl").write_bytes(data)
    found: list[Service] = []
    yield tried(lambda: found.append(read_service(folder, "service.wsdl")), WsdlError)
    for service in found:
        if service.operations:
            yield tried(lambda service=service: _begun(folder, service), ProfileError)  # type: ignore[misc]  # of now


def _begun(folder: Path, service: Service) -> object:
    text = profile_text(draft("site", service, None), ["http://ce1/?wsdl"], str(folder))
    tomllib.loads(text)
    decisions(text)
    (folder / "profile.toml").write_text(text)
    return load_profile(f"{folder}/")


allowed.append("/profile-")
TARGET = Target("wsdls", _works, (*XML, *_PIECES), most=COMMAND, mutated=changed_tree)
