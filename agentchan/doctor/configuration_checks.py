"""The configuration, and the files that it names: no network, no daemon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from agentchan.certificate_watch import NEAR, not_after
from agentchan.config import Configuration
from agentchan.config.faults import Fault
from agentchan.doctor.findings import Finding, Group, failed, passed, warning
from agentchan.doctor.patient import Patient, until

_GROUP = Group.CONFIGURATION


def faulty(faults: Iterable[Fault], what: str) -> list[Finding]:
    """Faults of the configuration or the profile, each with its line."""
    return [
        failed(_GROUP, what, f"{fault.file}:{fault.line}: {fault.key}: {fault.wrong}", fault.allowed)
        for fault in faults
    ]


def unusable_tls(error: Exception, path: Path) -> Finding:
    """A file of ``[tls]`` cannot be used."""
    return failed(_GROUP, "[tls]", str(error), f"mend it, or what {path} says of it")


def configuration_findings(patient: Patient, now: datetime) -> list[Finding]:
    """What is to be said of a configuration without faults; blocks while it reads files."""
    return list(_findings(patient, now))


def _findings(patient: Patient, now: datetime) -> Iterator[Finding]:
    configuration, profile = patient.configuration, patient.profile
    channels = len(configuration.ivr.channels)
    mode = f"{channels} channels" if channels else "no channels: frontend mode"
    yield passed(_GROUP, "configuration", f"{configuration.path}: no fault; IVR {configuration.ivr.name}, {mode}")
    for each in configuration.warnings:
        yield warning(_GROUP, each.key, f"{each.file}:{each.line}: {each.wrong}", each.allowed)
    yield passed(_GROUP, "profile", f"profile {profile.name}: {', '.join(sorted(profile.duties))}")
    yield from _values(patient)
    yield from _client_certificate(patient, now)
    yield from _server_certificate(configuration, now)


def _values(patient: Patient) -> Iterator[Finding]:
    """Which values of channels messages might have besides; without one that they need there would be no profile."""
    given = {key for values in patient.configuration.ivr.channel_values.values() for key in values}
    wanted = patient.profile.channel_keys if patient.configuration.ivr.channels else ()
    for key in (key for key in wanted if key not in given):
        text = f"the profile's messages may have a value {key!r}, which no channel has"
        yield warning(_GROUP, "channel values", text, f'set it: [ivr.channel_values."*"] {key} = "…"')


def _client_certificate(patient: Patient, now: datetime) -> Iterator[Finding]:
    tls = patient.configuration.tls
    if tls.certificate_file is None:
        return
    end = patient.tls.certificate_not_after
    if end is None:
        return
    text = f"{tls.certificate_file} and its key belong together"
    yield _certificate("client certificate", text, end, now)


def _server_certificate(configuration: Configuration, now: datetime) -> Iterator[Finding]:
    path = configuration.api.certificate_file
    if path is None:
        return
    end = not_after(path)
    if end is not None:
        yield _certificate("server certificate", f"{path} of [api] and its key belong together", end, now)


def _certificate(check: str, text: str, end: datetime, now: datetime) -> Finding:
    if end <= now:
        return failed(_GROUP, check, f"{text}, but it expired on {until(end, now)}", "renew it, then: agentchan reload")
    if end - now <= NEAR:
        return warning(_GROUP, check, f"{text}; it expires on {until(end, now)}", "renew it, then: agentchan reload")
    return passed(_GROUP, check, f"{text}; valid until {until(end, now)}")
