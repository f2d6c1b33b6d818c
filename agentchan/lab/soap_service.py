"""One SOAP service of a host: from the HTTP request to the answer, right or wrong on purpose."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from http import HTTPStatus

from attrs import define, field, frozen
from lxml import etree
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from agentchan.lab.http_wire import HttpConnection, HttpRequest
from agentchan.lab.misbehaviour import FAULTS, MANGLED, RESETS, Misbehaviour, Rule
from agentchan.lab.request_log import RequestLog
from agentchan.lab.soap import CONTENT_TYPE, BadRequest, Contract, Request, SoapFault, payload
from agentchan.lab.wrong_answers import Answer, canned, fault_answer, good_answer, mangled, send

log = Logger()


@frozen
class Dialect:
    """One contract that a service speaks.

    Attributes:
        execute: carries out a valid request; returns the body of the answer or a Deferred of it, raises SoapFault.
        refuse: makes the contract's own fault of a reason and a text, for requests that never reach ``execute``.
        refused: told of each malformed request.
    """

    contract: Contract
    execute: Callable[[Request, HttpConnection], str | Deferred[str]]
    refuse: Callable[[str, str, Rule | None], SoapFault]
    refused: Callable[[HttpConnection, SoapFault], None]


@frozen
class Received:
    """One request that is being answered: valid, or what is wrong with it."""

    connection: HttpConnection
    dialect: Dialect
    valid: Request | BadRequest

    @property
    def operation(self) -> str:
        """The operation's name; empty for what is no valid request."""
        return "" if isinstance(self.valid, BadRequest) else self.valid.operation


@define(eq=False)
class SoapService:
    """Serves its dialects on one path; the namespace of a request says which one it is in.

    Attributes:
        name: ``component`` or ``connector``.
        dialects: by name; the first counts for what is in none of them.
        held: answers that are kept until :meth:`release`.
    """

    reactor: IReactorTime
    name: str
    path: str
    dialects: dict[str, Dialect]
    misbehaviour: Misbehaviour
    request_log: RequestLog
    url: str = ""
    held: list[Callable[[], None]] = field(factory=list)

    def handle(self, request: HttpRequest) -> None:
        """Answer one HTTP request."""
        head = request.head
        if head.path != self.path:
            request.respond(HTTPStatus.NOT_FOUND, b"text/plain", f"the service is at {self.path}".encode())
        elif head.method == "GET":
            self._describe(request)
        elif head.method != "POST":
            request.respond(HTTPStatus.METHOD_NOT_ALLOWED, b"text/plain", b"POST a SOAP request, or GET ?wsdl")
        elif head.headers.get("content-type", "").split(";")[0].strip().lower() != "text/xml":
            request.respond(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, b"text/plain", b"SOAP 1.1 is text/xml")
        else:
            self._receive(request)

    def _describe(self, request: HttpRequest) -> None:
        # ?wsdl as everywhere; ?wsdl=NAME for another dialect than the first.
        word, _, name = request.head.query.partition("=")
        dialect = self.dialects.get(name or next(iter(self.dialects)))
        if word.lower() == "wsdl" and dialect is not None:
            request.respond(HTTPStatus.OK, CONTENT_TYPE, dialect.contract.wsdl(self.url))
        else:
            request.respond(HTTPStatus.NOT_FOUND, b"text/plain", b"GET ?wsdl, or POST a SOAP request")

    def _receive(self, request: HttpRequest) -> None:
        connection = request.connection
        received = self._read(request)
        self.request_log.write(
            "request",
            self.name,
            connection.name,
            connection.peer_port,
            operation=received.operation,
            arrived=request.arrived,
        )
        delay = self.misbehaviour.delay(self.name, received.operation, "before")
        if delay:
            self.reactor.callLater(delay, self._carry_out, received)
        else:
            self._carry_out(received)

    def _read(self, request: HttpRequest) -> Received:
        dialect = next(iter(self.dialects.values()))
        try:
            element = payload(request.body)
            namespace = etree.QName(element).namespace
            dialect = next((each for each in self.dialects.values() if each.contract.namespace == namespace), dialect)
            valid: Request | BadRequest = dialect.contract.check(element, request.head.headers.get("soapaction"))
        except BadRequest as fault:
            valid = fault
        return Received(request.connection, dialect, valid)

    def _carry_out(self, received: Received) -> None:
        rule = self.misbehaviour.take(self.name, received.operation)
        if rule is not None and not rule.applied:
            self._finish(received, rule, Answer(HTTPStatus.OK, b"", b""))
            return
        outcome = self._outcome(received)
        if isinstance(outcome, Deferred):
            outcome.addCallback(lambda content: self._finish(received, rule, good_answer(content)))
            outcome.addErrback(lambda failure: log.failure("a held request broke", failure))
        else:
            self._finish(received, rule, outcome)

    def _outcome(self, received: Received) -> Answer | Deferred[str]:
        dialect, valid = received.dialect, received.valid
        try:
            if isinstance(valid, BadRequest):
                fault = dialect.refuse("InvalidRequest", valid.text, None)
                fault.code = valid.code
                dialect.refused(received.connection, fault)
                return fault_answer(fault)
            outcome = dialect.execute(valid, received.connection)
        except SoapFault as fault:
            return fault_answer(fault)
        except sqlite3.OperationalError as error:
            return fault_answer(dialect.refuse("Unavailable", f"the domain's database: {error}", None))
        except Exception as error:  # noqa: BLE001 - a host must answer, and say in its log what broke
            log.failure("a request broke")
            return fault_answer(dialect.refuse("Unavailable", f"the lab itself failed: {error!r}", None))
        return good_answer(outcome) if isinstance(outcome, str) else outcome

    def _finish(self, received: Received, rule: Rule | None, answer: Answer) -> None:
        if rule is not None:
            answer = self._wrong(received, rule, answer)
        delay = self.misbehaviour.delay(self.name, received.operation, "after")
        if rule is not None and rule.kind == "hold":
            self.held.append(lambda: self._send(received, rule, answer))
        elif delay:
            self.reactor.callLater(delay, self._send, received, rule, answer)
        else:
            self._send(received, rule, answer)

    def _wrong(self, received: Received, rule: Rule, answer: Answer) -> Answer:
        namespace = received.dialect.contract.namespace
        if rule.kind in FAULTS:
            fault = received.dialect.refuse(FAULTS[rule.kind], "a wrong answer, asked for by the lab", rule)
            return fault_answer(fault)
        if rule.kind in MANGLED:
            return mangled(rule, answer, namespace)
        if rule.kind in RESETS:
            return answer
        return canned(rule, namespace, received.operation)

    def _send(self, received: Received, rule: Rule | None, answer: Answer) -> None:
        connection = received.connection

        def on_sent(heard: bool) -> None:
            self.request_log.write(
                "answered" if heard else "unheard",
                self.name,
                connection.name,
                connection.peer_port,
                operation=received.operation,
                status=answer.status,
                wrong=None if rule is None else rule.kind,
                says=_words(answer.body),
            )

        send(rule, connection, answer, on_sent)

    def release(self) -> int:
        """Send every reply that was held; returns how many."""
        held, self.held = self.held, []
        for reply in held:
            reply()
        return len(held)


WORDS = re.compile(rb"<(Code|Domain|Role|Generation)>([^<]*)<")
WORDS_BEFORE = 2000
"""Bytes of an answer in which the words that tell who is active stand."""


def _words(body: bytes) -> dict[str, str]:
    return {name.decode(): word.decode() for name, word in WORDS.findall(body, 0, WORDS_BEFORE)}
