"""The SIP endpoints that the IVR may transfer to, and the IVR itself, each probed once as the daemon would."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from agentchan.doctor.checks import Check, Findings
from agentchan.doctor.findings import Finding, Group, failed, passed, skipped, warning
from agentchan.doctor.patient import Patient
from agentchan.endpoint_answers import EndpointAnswer
from agentchan.endpoints import EndpointWatch
from agentchan.ivr_health import IvrHealth, IvrHealthState
from agentchan.sip.building import build_prober
from agentchan.sip.errors import UnusableUri
from agentchan.sip.prober import Prober

_MOST_PROBED = 20
"""Endpoints that are probed here; the daemon watches all of them."""

_LONGEST = 5.0
_BEYOND = 1.0
_GROUP = Group.ENDPOINTS


class EndpointChecks:
    """Probes endpoints, and the IVR.

    Attributes:
        checks: to be performed.
    """

    def __init__(self, patient: Patient, reactor: Any, wall: Callable[[], float]) -> None:
        self._patient = patient
        self._reactor = reactor
        self._prober: Prober = build_prober(reactor, patient.tls, random.uniform)
        configuration = patient.configuration
        settings = evolve(configuration.endpoint_check, enabled=True, endpoints=(), fall=1, rise=1)
        self._watch = EndpointWatch(reactor, self._prober.probe, settings, jitter=random.uniform, wall=wall)
        self.checks: list[Check] = []
        if configuration.endpoint_check.enabled:
            time = min(settings.timeout, _LONGEST) + _BEYOND
            self.checks += [
                Check(_GROUP, f"endpoint {uri}", time, partial(self._endpoint, uri))
                for uri in configuration.endpoint_check.endpoints[:_MOST_PROBED]
            ]
        if configuration.ivr.health is not None:
            time = min(configuration.ivr.health.timeout, _LONGEST) + _BEYOND
            self.checks.append(Check(_GROUP, f"IVR {configuration.ivr.health.check}", time, self._ivr))

    def start(self) -> None:
        """Be ready to be asked."""
        self._watch.start()

    def stop(self) -> None:
        """Leave nothing open."""
        self._watch.stop()
        self._prober.stop()

    def left_out(self) -> list[Finding]:
        """What is not probed, and why."""
        section, findings = self._patient.configuration.endpoint_check, []
        if not section.enabled:
            findings.append(skipped(_GROUP, "endpoints", "endpoints are not probed: endpoint_check is not enabled"))
        elif not section.endpoints:
            findings.append(skipped(_GROUP, "endpoints", "no endpoint is configured; others are probed when asked for"))
        if section.enabled and len(section.endpoints) > _MOST_PROBED:
            more = len(section.endpoints) - _MOST_PROBED
            findings.append(
                skipped(_GROUP, "endpoints", f"{more} more endpoints are not probed here", "agentchan endpoints")
            )
        return findings

    async def _endpoint(self, uri: str) -> Findings:
        try:
            asked = self._watch.ask(uri)
        except UnusableUri as error:
            return [failed(_GROUP, "endpoint", f"{uri}: {error}", "mend it in [endpoint_check] endpoints")]
        answer: EndpointAnswer = await asked if isinstance(asked, Deferred) else asked
        took = "" if answer.latency is None else f", in {answer.latency * 1000:.0f} ms"
        if answer.available:
            return [passed(_GROUP, "endpoint", f"{uri} answers{took}")]
        if answer.available is None:
            return [
                warning(_GROUP, "endpoint", f"whether {uri} answers is not known: {answer.reason}", "look at its URI")
            ]
        text = f"{uri} does not answer: {answer.reason}"
        return [warning(_GROUP, "endpoint", text, "the IVR's scripts are told so before they transfer a call there")]

    async def _ivr(self) -> Findings:
        settings = self._patient.configuration.ivr.health
        if settings is None:
            return ()
        settled: Deferred[IvrHealthState] = Deferred()

        def changed(state: IvrHealthState) -> None:
            if not settled.called:
                settled.callback(state)

        health = IvrHealth(
            self._reactor,
            self._prober.probe,
            evolve(settings, fall=1, rise=1),
            jitter=random.uniform,
            tls=lambda: self._patient.tls,
            on_change=changed,
        )
        health.start()
        try:
            state = await settled
        finally:
            health.stop()
        if state.up:
            return [passed(_GROUP, "IVR", f"the IVR answers at {settings.check}")]
        text = f"the IVR does not answer at {settings.check}: {state.reason}"
        return [failed(_GROUP, "IVR", text, "start the IVR, or mend [ivr.health] check")]
