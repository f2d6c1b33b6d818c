"""Made-up site profiles, each a folder beside this file, and what tests need to speak them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree
from zeep import Client
from zeep.helpers import serialize_object

from agentchan.ce.credentials import Authentication
from agentchan.ce.profile import SHIPPED, Profile
from agentchan.ce.profile_loader import load_profile
from agentchan.ce.soap import Codec
from agentchan.ce.wsdl import SoapVersion
from agentchan.ce.xml_input import parse_xml

FOLDER = Path(__file__).parent
SITES = ("bare", "rpc", "shapes", "soap12", "wcf")
ALL = ("reference", "minimum", *SITES)
URL = "http://ce1.example:8095/IVRConnector"
VALUES = {"*": {"campaign": "billing"}}


@cache
def profile(name: str) -> Profile:
    """A shipped profile, or one of this folder."""
    return load_profile(str(FOLDER / name) if name in SITES else name)


def codec(name: str, authentication: Authentication | None = None, **channel_values: dict[str, str]) -> Codec:
    """A codec for a profile."""
    made = Codec(
        profile(name),
        ivr="ivr1",
        instance_id="host-a",
        channel_values=channel_values or VALUES,
        authentication=authentication or Authentication(),
    )
    made.session_id = "0f2a6e0c-5f0e-4b0e-9d5a-1f6f3c1d7a10"
    return made


def envelope(body: str, version: SoapVersion = SoapVersion.SOAP_11, header: str = "") -> bytes:
    """A message."""
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return f'<s:Envelope xmlns:s="{version.value}">{head}<s:Body>{body}</s:Body></s:Envelope>'.encode()


@cache
def zeeps_port(name: str, section: str = "connector") -> Any:
    """What zeep makes of a profile's WSDL, read from disk by itself: the port that the profile speaks."""
    service = getattr(profile(name), section)
    folder = SHIPPED / name if name not in SITES else FOLDER / name
    client = Client(str(folder / service.files.main))
    ports = {port.name: port for each in client.wsdl.services.values() for port in each.ports.values()}
    return ports[service.port]


def zeeps_operation(name: str, duty: str) -> Any:
    """What zeep has for the operation of a duty of a profile."""
    section = "component" if duty in ("get_status", "watch_status") else "connector"
    return zeeps_port(name, section).binding.get(profile(name).mapped[duty].operation.name)


def read_by_zeep(name: str, duty: str, body: bytes) -> Any:
    """The values that zeep finds in a request."""
    return serialize_object(zeeps_operation(name, duty).input.deserialize(parse_xml(body)), dict)


def written_by_zeep(name: str, duty: str, *arguments: Any, **values: Any) -> bytes:
    """A reply with these values, as zeep writes it."""
    return etree.tostring(zeeps_operation(name, duty).output.serialize(*arguments, **values).content)
