"""The profile against the WSDL that a live CE serves, where it serves one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.wsdl import Service
from agentchan.doctor.checks import Findings
from agentchan.doctor.findings import Finding, Group, failed, passed, skipped, warning
from agentchan.doctor.hosts import GET_TIME, account_of
from agentchan.doctor.patient import Patient
from agentchan.profile_tools.comparing import Comparison, compare, names_in_use
from agentchan.profile_tools.download import Bundle, Download, DownloadError
from agentchan.profile_tools.http_get import Got, get

_MOST_SHOWN = 5


async def profile_findings(patient: Patient, reactor: Any, connector: str | None, component: str | None) -> Findings:
    """Prove the profile against the WSDLs of two services.

    Args:
        patient: what is examined.
        reactor: Twisted's.
        connector: the URL of an IVR Connector; None: it is not looked at.
        component: the URL of a Component Service; likewise.
    """
    findings: list[Finding] = []
    profile = patient.profile
    for url, service, which in (
        (connector, profile.connector, "connector"),
        (component, profile.component, "component"),
    ):
        if url is None or service is None:
            continue
        address = ServiceUrl.parse(url).wsdl
        try:
            bundle = await _bundle(patient, reactor, address, service)
        except DownloadError as error:
            text = f"no WSDL is served at {address.text} ({error}), so the profile is not compared with it"
            findings.append(skipped(Group.PROFILE, "live WSDL", text))
            continue
        pair = (bundle, None) if which == "connector" else (None, bundle)
        comparison: Comparison = await deferToThreadPool(reactor, reactor.getThreadPool(), compare, profile, *pair)
        findings += _judged(comparison, address)
    return findings


async def _bundle(patient: Patient, reactor: Any, address: ServiceUrl, service: Service) -> Bundle:
    account = account_of(patient)

    def fetch(url: ServiceUrl, ours: bool) -> Deferred[Got]:
        return get(reactor, patient.tls, url, account=account if ours else None, patience=GET_TIME)

    main = Path(service.files.main).name
    taken = {Path(name).name for name in names_in_use(patient.profile)} - {main}
    return await Download(fetch, taken).bundle(address.text, main)


def _judged(comparison: Comparison, address: ServiceUrl) -> list[Finding]:
    check, where = "live WSDL", address.text
    look = f"agentchan profile check --wsdl {where}"
    findings = [
        failed(Group.PROFILE, check, f"it does not fit {where}: {fault}", look)
        for fault in comparison.faults[:_MOST_SHOWN]
    ]
    grave = [change for change in comparison.changes if not change.harmless]
    findings += [
        warning(Group.PROFILE, check, f"its own WSDL differs from {where}: {change.text}", look)
        for change in grave[:_MOST_SHOWN]
    ]
    more = max(0, len(comparison.faults) - _MOST_SHOWN) + max(0, len(grave) - _MOST_SHOWN)
    if more:
        findings.append(warning(Group.PROFILE, check, f"and {more} more", look))
    if not findings:
        findings.append(passed(Group.PROFILE, check, f"it fits the WSDL at {where}"))
    return findings
