"""From here to one service of a CE host: its name, TCP, TLS; what it answers; and its clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, succeed

from agentchan.ce.connection import Connection
from agentchan.ce.deadline import within
from agentchan.ce.dialer import Dialer, DialFailed
from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.http_post import HttpAnswer, Message
from agentchan.ce.name_lookups import Address
from agentchan.ce.service_url import ServiceUrl
from agentchan.certificate_watch import NEAR
from agentchan.doctor.findings import Finding, Group, failed, passed, skipped, warning
from agentchan.doctor.patient import Patient, until
from agentchan.profile_tools.http_get import Account, GetFailed, Got, get
from agentchan.vocabulary import Secret

LONGEST_STEP = 1.5
"""Seconds that a name, TCP, TLS or an answer may take here, whatever is configured: somebody waits."""

GET_TIME = 3.0
"""Seconds for the WSDL."""

CLOCK_OFF = 2.0
CLOCK_WRONG = 60.0
"""Seconds by which a host's clock and ours may differ; its Date header has whole seconds."""


@frozen
class Served:
    """What a host serves at its service's address with ?wsdl.

    Attributes:
        got: None where there was no answer.
        offset: seconds by which its clock is ahead of ours; None where it does not say.
        why_not: why there was no answer.
    """

    got: Got | None
    offset: float | None
    why_not: str = ""


@define(eq=False)
class Place:
    """One service of one host, and what is found out about it.

    Attributes:
        group: of its findings.
        title: what it is, for people.
        findings: in order.
        connected: whether TCP and TLS came about.
        ended: fires when the connection that was made is no more, or none was made.
        error: why not.
    """

    patient: Patient
    reactor: Any
    dialer: Dialer
    wall: Callable[[], float]
    group: Group
    title: str
    text: str
    findings: list[Finding] = field(factory=list)
    connected: bool = False
    error: str = "not reached"
    served: Served = field(factory=lambda: Served(None, None, "it was not asked"))
    ended: Deferred[None] = field(factory=lambda: succeed(None))
    _connection: Connection | None = None

    async def reach(self) -> bool:
        """Resolve, connect, and shake hands; True if that came about."""
        try:
            url = ServiceUrl.parse(self.text)
        except ValueError as error:
            self._add(failed, "URL of", str(error), "mend it in the configuration, or in CE")
            self.error = str(error)
            return False
        # The dialer looks the name up itself; both get the one answer.
        resolving = Deferred.fromCoroutine(self._resolve(url))
        step = min(self.patient.configuration.agent_channel.connect_timeout, LONGEST_STEP)
        began = self.reactor.seconds()
        ended: Deferred[None] = Deferred()
        dialling = self.dialer.dial(
            self.text,
            connect_timeout=step,
            tls_timeout=step,
            user_timeout=LONGEST_STEP,
            on_bytes=_nothing,
            on_lost=lambda _reason: ended.callback(None),
        )
        try:
            self._connection = await dialling
        except DialFailed as failure:
            self.error = failure.reason
            if await resolving:
                self._not_reached(url, failure)
            return False
        self.connected, self.ended = True, ended
        await resolving
        self._reached(url, self._connection, self.reactor.seconds() - began)
        return True

    async def exchange(self, message: Message, most: float) -> HttpAnswer:
        """Ask something on the connection that was made.

        Raises:
            ExchangeFailed: there is no answer, or it took too long.
        """
        if self._connection is None:
            raise ExchangeFailed(f"{self.text}: there is no connection")
        late = ExchangeFailed(f"{self._connection.url.where}: no answer within {most:g} s")
        return await within(self.reactor, most, self._connection.exchange(message), lambda: late)

    def close(self) -> None:
        """Leave nothing open; ``ended`` fires within a second."""
        if self._connection is not None:
            self._connection.close()

    async def look_at_wsdl(self) -> None:
        """Ask for the WSDL, for itself and for the host's clock."""
        try:
            url = ServiceUrl.parse(self.text).wsdl
        except ValueError as error:
            self.served = Served(None, None, str(error))
            return
        account = account_of(self.patient)
        began = self.wall()
        try:
            got = await get(self.reactor, self.patient.tls, url, account=account, patience=GET_TIME)
        except GetFailed as failure:
            self.served = Served(None, None, str(failure))
            return
        self.served = Served(got, _offset(got.date, (began + self.wall()) / 2))

    # Findings.

    def _add(self, kind: Callable[..., Finding], check: str, *words: str) -> None:
        self.findings.append(kind(self.group, f"{check} {self.title}", *words))

    async def _resolve(self, url: ServiceUrl) -> bool:
        """Look the name up; False where that is what failed."""
        if url.literal:
            return True
        looking: Deferred[tuple[Address, ...]] = self.dialer.lookups.look_up(url.host, url.port)
        late = TimeoutError()
        try:
            addresses = await within(self.reactor, LONGEST_STEP, looking, lambda: late)
        except TimeoutError:
            text = f"{url.host} was not resolved within {LONGEST_STEP:g} s"
            self._add(failed, "name of", text, f"see whether a name server answers: getent hosts {url.host}")
            return False
        if addresses:
            shown = ", ".join(dict.fromkeys(address.host for address in addresses[:4]))
            self._add(passed, "name of", f"{url.host} is {shown}")
            return True
        text = f"{url.host} does not resolve: no such name, or no name server answers"
        self._add(failed, "name of", text, "put it into DNS or /etc/hosts, or mend the URL")
        return False

    def _not_reached(self, url: ServiceUrl, failure: DialFailed) -> None:
        if failure.step == "tls":
            self._add(passed, "TCP to", f"{url.where} accepts connections")
            remedy = "mend what the reason says; [tls] of the configuration says whom we believe, and who we are"
            self._add(failed, "TLS with", failure.reason, remedy)
        else:
            remedy = "see whether the service runs on that host, and whether a firewall is in between"
            self._add(failed, "TCP to", failure.reason, remedy)

    def _reached(self, url: ServiceUrl, connection: Connection, seconds: float) -> None:
        took = f"in {seconds * 1000:.0f} ms"
        if not url.secure:
            self._add(passed, "TCP to", f"{url.where} accepts connections, {took}")
            return
        self._add(passed, "TCP to", f"{url.where} accepts connections")
        end, now = connection.certificate_not_after, datetime.fromtimestamp(self.wall(), UTC)
        if end is not None and end - now <= NEAR:
            text = f"{url.where}: the certificate is for {url.host}, but expires on {until(end, now)}"
            self._add(warning, "TLS with", text, "have it renewed on that host")
        elif end is not None:
            text = f"{url.where}: the certificate is for {url.host}, until {until(end, now)}; connected {took}"
            self._add(passed, "TLS with", text)


def account_of(patient: Patient) -> Account | None:
    """Who asks, where CE wants HTTP Basic."""
    auth, password = patient.configuration.ce.auth, patient.configuration.contents.ce_password
    if auth.method != "basic":
        return None
    return Account(auth.username or "", password or Secret(""))


def _offset(date: str | None, ours: float) -> float | None:
    if date is None:
        return None
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return None
    # A header's whole second began up to a second ago.
    return (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)).timestamp() + 0.5 - ours


def clock_findings(places: list[Place]) -> Iterator[Finding]:
    """How far the hosts' clocks are from ours."""
    said = False
    for place in places:
        offset = place.served.offset
        if offset is None:
            continue
        said = True
        where = ServiceUrl.parse(place.text).where
        text = f"the clock of {where} and ours differ by {abs(offset):.0f} s"
        if abs(offset) <= CLOCK_OFF:
            yield passed(Group.MACHINE, "clock", f"the clock of {where} and ours agree")
        else:
            kind = failed if abs(offset) > CLOCK_WRONG else warning
            remedy = "have both kept by NTP: certificates, and the times of calls, depend on them"
            yield kind(Group.MACHINE, "clock", text, remedy)
    if places and not said:
        yield skipped(Group.MACHINE, "clock", "no host says what time it is there (no Date header)")


def _nothing() -> None:
    """Bytes came."""
