"""What CE's hosts say: who is active by the component link, and how each IVR Connector answers a harmless question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from agentchan import configured
from agentchan.ce.errors import CannotEncode, ExchangeFailed
from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.soap import Codec
from agentchan.core.observations import Answered, Failed, Mark, Topology
from agentchan.core.topology import begun, updated
from agentchan.core.verdict import Kind, Verdict, judged
from agentchan.doctor.checks import Check, Findings, perform
from agentchan.doctor.findings import Finding, Group, failed, passed, skipped, warning
from agentchan.doctor.hosts import LONGEST_STEP, Place
from agentchan.doctor.patient import Patient
from agentchan.doctor.running import Running
from agentchan.vocabulary import (
    CloseSession,
    Heartbeat,
    Meaning,
    OpenSession,
    Reply,
    Request,
    Role,
    ServerStatus,
)

PLACE_TIME = 4.0
"""Seconds for one service of one host, all that is asked there together."""

NOBODYS_SESSION = "00000000-0000-0000-0000-000000000000"
"""A session that nobody has: a heartbeat for it changes nothing, and its answer tells whether the host is active."""


@frozen
class Said:
    """What one URL of the component link has said.

    Attributes:
        status: None where it has not answered.
        error: why not.
    """

    url: str
    status: ServerStatus | None
    error: str
    asked_at: float
    at: float


@define(eq=False)
class HostChecks:
    """The component link, and the IVR Connectors.

    Attributes:
        places: every service that was looked at.
        said: by the component link.
        findings: besides those of the places.
    """

    patient: Patient
    reactor: Any
    codec: Codec
    make_place: Callable[[Group, str, str], Place]
    places: list[Place] = field(factory=list)
    said: list[Said] = field(factory=list)
    findings: list[Finding] = field(factory=list)

    # -- the component link --------------------------------------------------------------------------------------------

    async def ask_component_link(self) -> None:
        """Ask every URL who its host is, all at once."""
        configuration = self.patient.configuration
        if configured.connector_answers(configuration):
            text = 'it is not used: active_by is "connector-answers"'
            self.findings.append(skipped(Group.COMPONENT_LINK, "component link", text))
            return
        title = "the Component Service"
        urls = configuration.component_link.urls
        self.said = [Said(url, None, "not reached", 0.0, 0.0) for url in urls]
        places = [self._place(Group.COMPONENT_LINK, title, url) for url in urls]
        checks = [
            Check(place.group, f"{title} at {place.text}", PLACE_TIME, partial(self._ask, number, place))
            for number, place in enumerate(places)
        ]
        self.findings += await perform(self.reactor, checks)

    async def _ask(self, number: int, place: Place) -> Findings:
        looking = Deferred.fromCoroutine(place.look_at_wsdl())
        asked_at = self.reactor.seconds()
        try:
            reached = await place.reach()
            status, error = await self._status(place) if reached else (None, place.error)
            self.said[number] = Said(place.text, status, error, asked_at, self.reactor.seconds())
            await looking
        finally:
            place.close()
            looking.cancel()
        return ()

    async def _status(self, place: Place) -> tuple[ServerStatus | None, str]:
        duty = "get_status" if "get_status" in self.patient.profile.duties else "watch_status"
        if duty == "get_status":
            message = self.codec.encode_get_status(place.text)
        else:
            message = self.codec.encode_watch_status(None, 0.0, place.text)
        most = min(max(self.patient.configuration.component_link.timeout, 0.5), LONGEST_STEP)
        where = ServiceUrl.parse(place.text).where
        try:
            answer = await place.exchange(message, most)
            status = self.codec.decode_status(duty, answer.status, answer.content_type, answer.body)
        except ExchangeFailed as failure:
            text = f"{where} does not answer as the profile says: {failure.reason}"
            remedy = f"agentchan profile check --component-wsdl {ServiceUrl.parse(place.text).wsdl.text}"
            place.findings.append(failed(place.group, "answer of the Component Service", text, remedy))
            return None, failure.reason
        words = [status.server_name, status.rank and status.rank.value, status.role.value, status.state.value]
        text = f"{where} is {', '.join(word for word in words if word)}"
        text += "" if status.generation is None else f", generation {status.generation}"
        place.findings.append(passed(place.group, "answer of the Component Service", text))
        return status, ""

    # -- who is active -------------------------------------------------------------------------------------------------

    def judge(self, marks: Sequence[Mark] | None, running: Running) -> Verdict | None:
        """Who would be followed by these answers, by the daemon's own rules; None where nobody was asked."""
        if not self.said:
            return None
        configuration = self.patient.configuration
        home = marks[-1].domain if marks else None
        topology: Topology = begun((each.url for each in self.said), configuration.ce.domain, marks or (), home)
        for each in self.said:
            if each.status is not None:
                topology = updated(topology, Answered(each.url, each.status, each.asked_at, each.at))
            else:
                topology = updated(topology, Failed(each.url, each.error, each.at))
        verdict = judged(topology)
        self.findings += _verdict_findings(verdict, topology, marks)
        active = (running.status or {}).get("ce", {}).get("active")
        if verdict.host is not None and running.status is not None and active not in (None, verdict.host):
            text = f"the daemon follows {active}, while {verdict.host} is active by these answers"
            self.findings.append(
                warning(Group.ACTIVE, "agreement", text, "look again; if it stays so: agentchan status")
            )
        return verdict

    # -- the connectors ------------------------------------------------------------------------------------------------

    def connectors(self) -> list[tuple[str, str]]:
        """The URL of each IVR Connector, with the name of its host as far as it is known."""
        configured_urls = self.patient.configuration.agent_channel.connector_urls
        named = [
            (each.status.connector_url, each.status.server_name or each.url)
            for each in self.said
            if each.status is not None and each.status.connector_url
        ]
        if configured_urls:
            hosts = dict(named)
            return [(url, hosts.get(url, "")) for url in configured_urls]
        return list(dict.fromkeys(named))

    async def ask_connectors(self, verdict: Verdict | None) -> None:
        """Reach every IVR Connector, and ask it something harmless, all at once."""
        if not self.patient.configuration.ivr.channels:
            text = "it is not used: there are no channels (frontend mode)"
            self.findings.append(skipped(Group.CONNECTOR, "IVR Connector", text))
            return
        found = self.connectors()
        if not found:
            text = "no address is known: no Component Service names one, and connector_urls is empty"
            remedy = "set [agent_channel] connector_urls, or mend the component link"
            self.findings.append(failed(Group.CONNECTOR, "IVR Connector", text, remedy))
            return
        checks = []
        for url, host in found:
            title = f"the IVR Connector of {host}" if host else "the IVR Connector"
            place = self._place(Group.CONNECTOR, title, url)
            run = partial(self._connector, place, host, verdict)
            checks.append(Check(place.group, f"{title} at {url}", PLACE_TIME, run))
        self.findings += await perform(self.reactor, checks)

    async def _connector(self, place: Place, host: str, verdict: Verdict | None) -> Findings:
        looking = Deferred.fromCoroutine(place.look_at_wsdl())
        try:
            if await place.reach():
                await self._harmless(place, host, verdict)
            await looking
        finally:
            place.close()
            looking.cancel()
        return ()

    async def _harmless(self, place: Place, host: str, verdict: Verdict | None) -> None:
        check, where = "answer of the IVR Connector", ServiceUrl.parse(place.text).where
        if "heartbeat" not in self.patient.profile.duties:
            text = f"{where}: nothing was asked, since the profile has no harmless question"
            place.findings.append(skipped(place.group, check, text))
            return
        reply = await self.exchange(place, Heartbeat(NOBODYS_SESSION), check)
        if reply is None:
            return
        active = verdict is not None and verdict.host == host
        if reply.meaning is Meaning.NOT_ACTIVE or (reply.good and reply.role is Role.STANDBY):
            text = f"{where} answers that its host is not active"
            if active:
                remedy = "CE is changing over just now, or its two services do not agree: look again"
                place.findings.append(
                    warning(place.group, check, f"{text}, though its Component Service says so", remedy)
                )
            else:
                place.findings.append(passed(place.group, check, text))
        elif reply.meaning is Meaning.UNKNOWN_SESSION or reply.good:
            place.findings.append(passed(place.group, check, f"{where} answers as an active host does"))
        else:
            words = reply.message or reply.meaning.value
            text = f"{where} answers a heartbeat of a session that nobody has with: {words}"
            remedy = "say in the profile's outcomes what that means, unless it means that the session is not known"
            place.findings.append(warning(place.group, check, text, remedy))

    async def exchange(self, place: Place, request: Request, check: str) -> Reply | None:
        """Ask an IVR Connector something; None, with a finding, where there is no answer of the contract."""
        most = min(self.patient.configuration.agent_channel.reply_timeout, LONGEST_STEP)
        try:
            message = self.codec.encode(request, place.text)
            answer = await place.exchange(message, most)
            return self.codec.decode(request, answer.status, answer.content_type, answer.body)
        except (ExchangeFailed, CannotEncode) as failure:
            where = ServiceUrl.parse(place.text).where
            text = f"{where} does not answer as the profile says: {failure.reason}"
            remedy = f"agentchan profile check --wsdl {ServiceUrl.parse(place.text).wsdl.text}"
            place.findings.append(failed(place.group, check, text, remedy))
            return None

    # -- a sign-on, if it was wanted -----------------------------------------------------------------------------------

    async def try_sign_on(self, verdict: Verdict | None) -> None:
        """Sign on and off at the active host, or at the first connector that accepts."""
        channels = self.patient.configuration.ivr.channels
        if "open_session" not in self.patient.profile.duties or not channels:
            text = "the profile has no sign-on" if channels else "there are no channels to sign on"
            self.findings.append(skipped(Group.ACTIVE, "sign-on", text))
            return
        for url, host in self.connectors():
            if verdict is not None and verdict.host is not None and host not in ("", verdict.host):
                continue
            place = self._place(Group.ACTIVE, "the IVR Connector", url)
            try:
                reached = await place.reach()
                # What there is to say of the way there is said already.
                place.findings.clear()
                if reached and await self._sign_on(place):
                    return
            finally:
                place.close()
        text = "no sign-on: no IVR Connector of the active host could be reached"
        self.findings.append(skipped(Group.ACTIVE, "sign-on", text))

    async def _sign_on(self, place: Place) -> bool:
        """Sign on and off; False if another connector may have better luck."""
        ivr, where = self.patient.configuration.ivr, ServiceUrl.parse(place.text).where
        reply = await self.exchange(place, OpenSession(ivr.name, ivr.instance_id, ivr.channels), "sign-on")
        if reply is None or reply.meaning is Meaning.NOT_ACTIVE:
            return False
        if reply.good:
            text = f"{where} signed {ivr.name} on with {len(ivr.channels)} channels, and off again"
            place.findings.append(passed(Group.ACTIVE, "sign-on", text))
            if "close_session" in self.patient.profile.duties:
                await self.exchange(place, CloseSession(reply.session_id or "", "agentchan doctor"), "sign-off")
            return True
        text, remedy = _not_signed_on(reply, ivr.name)
        place.findings.append(failed(Group.ACTIVE, "sign-on", f"{where} {text}", remedy))
        return True

    def _place(self, group: Group, title: str, url: str) -> Place:
        place = self.make_place(group, title, url)
        self.places.append(place)
        return place


def _not_signed_on(reply: Reply, ivr: str) -> tuple[str, str]:
    compare = "compare the configuration with CE's administration"
    match reply.meaning:
        case Meaning.UNKNOWN_IVR:
            return f"knows no IVR named {ivr}", f"{compare}: [ivr] name"
        case Meaning.UNKNOWN_CHANNEL:
            names = ", ".join(reply.channels[:5]) or "some channels"
            return f"does not know {names}", f"{compare}: [ivr] channels"
        case Meaning.SESSION_ALREADY_OPEN:
            return f"has another instance of {ivr} signed on", "nothing, if that is meant: this one would stand by"
    return f"refused the sign-on: {reply.message or reply.meaning.value}", "look into CE's log of the IVR Connector"


def _verdict_findings(verdict: Verdict, topology: Topology, marks: Sequence[Mark] | None) -> Iterator[Finding]:
    check = "active host"
    if verdict.kind is Kind.FOLLOWING:
        generation = "" if verdict.generation is None else f" in generation {verdict.generation}"
        yield passed(Group.ACTIVE, check, f"{verdict.host} is active{generation}")
    else:
        remedies = {
            Kind.UNKNOWN: "see what is said of each Component Service above",
            Kind.NONE_ACTIVE: "look at CE's own failover state; the daemon follows whoever becomes active, at once",
            Kind.AMBIGUOUS: "find out which one is, then: agentchan follow HOST --for 1h --reason '…'",
        }
        yield failed(Group.ACTIVE, check, verdict.reason, remedies.get(verdict.kind, "agentchan status"))
    yield from _standby(topology)
    yield from _mark(verdict, topology, marks)


def _standby(topology: Topology) -> Iterator[Finding]:
    answering = {view.host for view in topology.views if view.error is None}
    if len(topology.views) > 1 and len(answering) == 1:
        text = f"only {next(iter(answering))} answers: there is nobody to fail over to"
        yield warning(Group.ACTIVE, "standby", text, "see what is said of the other Component Service above")


def _mark(verdict: Verdict, topology: Topology, marks: Iterable[Mark] | None) -> Iterator[Finding]:
    check = "generation mark"
    if marks is None:
        yield skipped(
            Group.ACTIVE, check, "the journal cannot be read from here", "try it as the daemon's user, or root"
        )
        return
    mark = topology.mark(topology.home)
    if mark is None:
        yield skipped(Group.ACTIVE, check, "no sign-on is remembered yet")
    elif verdict.generation is not None and verdict.generation >= mark.generation:
        text = f"generation {verdict.generation} is not below {mark.generation}, that of the last sign-on"
        yield passed(Group.ACTIVE, check, text)
    elif verdict.generation is not None or "below" in verdict.reason:
        text = f"hosts answer with a generation below {mark.generation}, that of the last sign-on"
        remedy = "if CE's database was restored: agentchan forget-generation --reason '…'"
        yield failed(Group.ACTIVE, check, text, remedy)
