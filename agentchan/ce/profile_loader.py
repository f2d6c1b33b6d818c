"""From a profile's folder to a :class:`~agentchan.ce.profile.Profile`, or to the list of all that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agentchan.ce.duties import COMPONENT_DUTIES, CONNECTOR_DUTIES
from agentchan.ce.duty_loader import duty_keys, load_duty
from agentchan.ce.profile import Duty, Profile, folder_of, shipped
from agentchan.ce.profile_reading import ProfileError, ProfileText
from agentchan.ce.reply_loader import Shared, load_shared
from agentchan.ce.wsdl import Service, read_service
from agentchan.ce.wsdl_files import WsdlError
from agentchan.ce.xml_input import XmlRefused, parse_xml
from agentchan.config.faults import Fault, quoted

_CONNECTOR = "ivr_connector"
_COMPONENT = "component_service"
_TOP = ("name", "soap", _CONNECTOR, _COMPONENT)
_SOAP = ("connection", "headers", "addressing", "password", "time_zone")
_TOKEN_MISSING = ("call-id", "empty", "refuse")
_KEYS = {
    _CONNECTOR: (
        "wsdl",
        "port",
        "path",
        "probe",
        "not_ready_by",
        "gone_at_sign_on",
        "outcomes",
        "fault_results",
        *CONNECTOR_DUTIES,
    ),
    _COMPONENT: ("wsdl", "port", *COMPONENT_DUTIES),
}
_DUTIES = {_CONNECTOR: CONNECTOR_DUTIES, _COMPONENT: COMPONENT_DUTIES}


def load_profile(name: str) -> Profile:
    """Load a profile; blocks.

    Args:
        name: a shipped profile's name, or the path of a folder (with a slash in it).

    Raises:
        ProfileError: with all faults at once.
    """
    folder = folder_of(name)
    if "/" not in name and name not in shipped():
        wrong, allowed = "is no shipped profile", f"{', '.join(shipped())}, or the path of a folder with a / in it"
        raise ProfileError([Fault(folder, 0, f"profile {quoted(name)}", wrong, allowed)])
    return _Loader(ProfileText(folder / "profile.toml"), folder).profile()


class _Loader:
    """Reads one profile."""

    def __init__(self, text: ProfileText, folder: Path) -> None:
        self._text = text
        self._folder = folder

    def profile(self) -> Profile:
        """The profile.

        Raises:
            ProfileError: with all faults at once.
        """
        text = self._text
        text.table((), _TOP)
        text.table(("soap",), _SOAP)
        name = text.required_text(("name",), "the profile's name")
        connection = text.choice(("soap", "connection"), ("keep-alive", "per-request"), "keep-alive")
        password = text.choice(("soap", "password"), ("text", "digest"), "text")
        addressing = text.flag(("soap", "addressing"), default=False)
        headers, zone = self._headers(), self._zone()
        connector = self._service(_CONNECTOR)
        component = self._service(_COMPONENT) if _COMPONENT in text.values else None
        path = text.text((_CONNECTOR, "path"))
        probe = text.choice((_CONNECTOR, "probe"), ("wsdl", "tcp"), "tcp") if text.has((_CONNECTOR, "probe")) else None
        not_ready_by = text.choice((_CONNECTOR, "not_ready_by"), ("unsupported", "withhold-gone"), "unsupported")
        gone_at_sign_on = text.flag((_CONNECTOR, "gone_at_sign_on"), default=False)
        token_missing = text.choice((_CONNECTOR, "gone", "call_token_missing"), _TOKEN_MISSING, "call-id")
        mapped = {**self._mapped(_CONNECTOR, connector, zone), **self._mapped(_COMPONENT, component, zone)}
        self._check_duties(mapped)
        if connector is None or not text.sound:
            raise text.refused()
        return Profile(
            name=name or "",
            folder=self._folder,
            keep_alive=connection == "keep-alive",
            headers=headers,
            addressing=addressing,
            password_digest=password == "digest",  # noqa: S105 - a way, not a password
            connector=connector,
            component=component,
            mapped=mapped,
            probe=probe,
            withholds_gone=not_ready_by == "withhold-gone",
            gone_at_sign_on=gone_at_sign_on,
            call_token_missing=token_missing,
            soap_paths=tuple(dict.fromkeys(each for each in (path, connector.path) if each)),
        )

    def _headers(self) -> str:
        """The constant header blocks."""
        place = ("soap", "headers")
        headers = self._text.text(place, "") or ""
        allowed = "XML elements, each with its namespace declared in it"
        try:
            root = parse_xml(f"<headers>{headers}</headers>".encode())
        except XmlRefused as error:
            self._text.fault(place, str(error), allowed)
            return ""
        if any(not str(block.tag).startswith("{") for block in root):
            self._text.fault(place, "has an element without a namespace", allowed)
        if "".join([root.text or "", *(block.tail or "" for block in root)]).strip():
            self._text.fault(place, "has text between its elements", allowed)
        return headers

    def _zone(self) -> tzinfo | None:
        """The zone of times that a template gives a form; None: this machine's."""
        place = ("soap", "time_zone")
        name = self._text.text(place, "local") or ""
        if name == "local":
            return None
        try:
            return UTC if name == "UTC" else ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._text.fault(place, f"is {quoted(name)}", '"local", "UTC", or a name such as "Europe/Berlin"')
            return UTC

    def _service(self, section: str) -> Service | None:
        text = self._text
        text.table((section,), _KEYS[section])
        name = text.required_text((section, "wsdl"), "the name of a WSDL file in the profile's folder")
        if name is None:
            return None
        try:
            return read_service(self._folder, name, text.text((section, "port")))
        except WsdlError as error:
            text.fault((section, "wsdl"), str(error), "a WSDL 1.1 with a SOAP binding, and all files that it imports")
            return None

    def _mapped(self, section: str, service: Service | None, zone: tzinfo | None) -> dict[str, Duty]:
        """The duties of a section; without its service they are only looked over."""
        text, table = self._text, self._text.table((section,))
        operations = service.operations.values() if service is not None else ()
        shared = load_shared(text, section, operations) if section == _CONNECTOR else Shared()
        mapped: dict[str, Duty] = {}
        for name, words in _DUTIES[section].items():
            place = (section, name)
            if name not in table:
                continue
            if service is None:
                text.table(place, duty_keys(name))
                continue
            # What get_status answers, watch_status answers too, unless it says otherwise.
            like = (section, "get_status") if name == "watch_status" else place
            duty = load_duty(text, place, service, words, like=like, shared=shared, zone=zone)
            if duty is not None:
                mapped[name] = duty
        return mapped

    # -- duties that belong together -----------------------------------------------------------------------------------

    def _check_duties(self, mapped: Mapping[str, Duty]) -> None:
        text = self._text
        for name in ("new_call", "gone"):
            if not text.has((_CONNECTOR, name)):
                text.fault((_CONNECTOR, name), "is missing", "the two duties new_call and gone are the least")
        if text.has((_COMPONENT,)) and not any(text.has((_COMPONENT, name)) for name in COMPONENT_DUTIES):
            text.fault((_COMPONENT,), "has neither get_status nor watch_status", "at least one of them")
        self._check_giver(mapped, "session_id", "open_session", CONNECTOR_DUTIES)
        self._check_giver(mapped, "call_token", "new_call", ("gone",))

    def _check_giver(self, mapped: Mapping[str, Duty], value: str, giver: str, takers: Iterable[str]) -> None:
        """Whether a value that some duties' requests are made of is a result of the duty that gives it."""
        if value in self._text.table((_CONNECTOR, giver, "results")).values():
            return
        for name in takers:
            if name in mapped and mapped[name].uses(value):
                place = (_CONNECTOR, name, "parameters")
                wrong = f"use {{{value}}}, which no result of {giver} gives"
                self._text.fault(place, wrong, f'map it in {giver}.results: "…" = "{value}"')
