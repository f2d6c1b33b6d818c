"""The whole examination: what can be done at once is, and what needs another's answer waits for it."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThreadPool

from agentchan import configured
from agentchan.ce.dialer import Dialer
from agentchan.ce.soap import Codec
from agentchan.core.observations import Mark
from agentchan.core.verdict import Verdict
from agentchan.doctor.ce_checks import HostChecks
from agentchan.doctor.checks import Check, Findings, perform
from agentchan.doctor.configuration_checks import configuration_findings
from agentchan.doctor.daemon_checks import ask_daemon, daemon_findings
from agentchan.doctor.endpoint_checks import EndpointChecks
from agentchan.doctor.findings import Finding, Group, Report, in_order, passed, skipped, warning
from agentchan.doctor.hosts import Place, clock_findings
from agentchan.doctor.machine_checks import kept_marks, machine_findings
from agentchan.doctor.patient import Patient
from agentchan.doctor.running import Running
from agentchan.doctor.systemd_checks import systemd_findings, unit_of, unit_state
from agentchan.doctor.wsdl_checks import profile_findings

_LOCAL_TIME = 4.0
"""Seconds for what is looked at on this machine."""

_SECOND_TIME = 4.2
"""Seconds for what follows from the component link's answers."""

_JUMP = 1.0
"""Seconds by which the time of day may differ from the monotonic clock after the examination."""


async def examine(reactor: Any, patient: Patient, wall: Callable[[], float] = time.time) -> Report:
    """Examine everything; under ten seconds, whatever hangs.

    Args:
        reactor: Twisted's.
        patient: what is examined.
        wall: the time of day, seconds since the epoch.
    """
    return await _Examination(reactor, patient, wall).report()


class _Examination:
    def __init__(self, reactor: Any, patient: Patient, wall: Callable[[], float]) -> None:
        self._reactor = reactor
        self._patient = patient
        self._wall = wall
        self._running = Running()
        self._dialer = Dialer(reactor, patient.tls)
        configuration, profile = patient.configuration, patient.profile
        codec = Codec(
            profile,
            ivr=configuration.ivr.name,
            instance_id=configuration.ivr.instance_id,
            channel_values=configuration.ivr.channel_values,
            authentication=configured.authentication(configuration, profile),
        )
        self._hosts = HostChecks(patient, reactor, codec, self._place)

    async def report(self) -> Report:
        began, wall_began = self._reactor.seconds(), self._wall()
        now = datetime.fromtimestamp(wall_began, UTC)
        asking = Deferred.fromCoroutine(self._ask_daemon())
        endpoints = EndpointChecks(self._patient, self._reactor, self._wall)
        endpoints.start()
        probing = perform(self._reactor, endpoints.checks)
        findings: list[Finding] = await self._in_thread(configuration_findings, self._patient, now)
        await self._hosts.ask_component_link()
        verdict = self._hosts.judge(await asking, self._running)
        around = Check(Group.MACHINE, "this machine", _LOCAL_TIME, self._around)
        later: list[Finding] = await perform(self._reactor, [around, *self._second(verdict)])
        findings += [finding for place in self._hosts.places for finding in place.findings]
        findings += [*self._hosts.findings, *later]
        findings += [*await probing, *endpoints.left_out()]
        endpoints.stop()
        findings += clock_findings([place for place in self._hosts.places if place.connected])
        await gatherResults([place.ended for place in self._hosts.places])
        seconds = self._reactor.seconds() - began
        findings += self._jumped(self._wall() - wall_began - seconds)
        return Report(in_order(findings), seconds)

    def _place(self, group: Group, title: str, url: str) -> Place:
        return Place(self._patient, self._reactor, self._dialer, self._wall, group, title, url)

    def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work, *arguments)

    async def _around(self) -> Findings:
        """This machine, the daemon, systemd."""
        unit = unit_of(self._running.pid)
        state = await self._in_thread(unit_state, unit)
        uid = self._running.uid
        if uid is None:
            uid = _uid_of((state or {}).get("User", ""))
        machine: list[Finding] = await self._in_thread(machine_findings, self._patient, self._running, uid)
        return [
            *machine,
            *daemon_findings(self._patient, self._running),
            *systemd_findings(unit, state, self._running),
        ]

    async def _ask_daemon(self) -> tuple[Mark, ...] | None:
        """Ask the daemon, if there is one; the generation marks, by its word or else from its journal."""
        self._running = await self._in_thread(ask_daemon, self._patient.socket)
        status = self._running.status
        if status is not None:
            ce = status.get("ce") or {}
            mark = ce.get("generation_mark")
            return () if mark is None else (Mark(ce.get("domain"), int(mark["generation"]), str(mark["host"])),)
        if self._running.is_there:
            return None
        found: tuple[Mark, ...] | None = await self._in_thread(kept_marks, self._patient.configuration.journal.path)
        return found

    def _second(self, verdict: Verdict | None) -> list[Check]:
        """What follows from the component link's answers."""
        hosts = self._hosts
        checks = [Check(Group.CONNECTOR, "IVR Connectors", _SECOND_TIME, partial(self._connectors, verdict))]
        connectors = hosts.connectors()
        connector = next((url for url, host in connectors if verdict is not None and host == verdict.host), None)
        connector = connector or next((url for url, _ in connectors), None)
        component = next((each.url for each in hosts.said if each.status is not None), None)
        if connector is not None or component is not None:
            run = partial(profile_findings, self._patient, self._reactor, connector, component)
            checks.append(Check(Group.PROFILE, "live WSDL", _SECOND_TIME, run))
        checks.append(Check(Group.ACTIVE, "sign-on", _SECOND_TIME, partial(self._sign_on, verdict)))
        return checks

    async def _connectors(self, verdict: Verdict | None) -> Findings:
        await self._hosts.ask_connectors(verdict)
        return ()

    async def _sign_on(self, verdict: Verdict | None) -> Findings:
        """A sign-on changes what CE believes, so it is tried only where it was wanted, and no daemon runs."""
        if not self._patient.sign_on:
            return ()
        if self._running.is_there:
            return [skipped(Group.ACTIVE, "sign-on", "no sign-on, since a daemon runs and would lose its session")]
        await self._hosts.try_sign_on(verdict)
        return ()

    def _jumped(self, seconds: float) -> Findings:
        if abs(seconds) > _JUMP:
            text = f"the time of day jumped by {seconds:.0f} s while we looked"
            return [warning(Group.MACHINE, "clock", text, "see who sets it: chronyc tracking, or timedatectl")]
        return [passed(Group.MACHINE, "clock", "the time of day goes on as the monotonic clock does")]


def _uid_of(user: str) -> int:
    try:
        return pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):
        return os.getuid()
