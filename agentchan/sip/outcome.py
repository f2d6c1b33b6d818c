"""What one probe came to."""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen

from agentchan.core.presence import Evidence
from agentchan.sip.errors import ExchangeFault
from agentchan.sip.message import Answer


@frozen
class Outcome:
    """The evidence, and what it is made of.

    Attributes:
        reason: one line for people.
        status_code: the SIP or HTTP status, None where there was no answer that has one.
        latency: seconds from sending the question to the answer, None without one.
    """

    evidence: Evidence
    reason: str
    status_code: int | None = None
    latency: float | None = None


def judged(answer: Answer, latency: float, unavailable_codes: Collection[int]) -> Outcome:
    """A final SIP answer: whatever its status, somebody is there, but for the codes that say that nobody is."""
    evidence = Evidence.FAILS if answer.code in unavailable_codes else Evidence.ANSWERS
    return Outcome(evidence, f"answered {answer.code} {answer.phrase}".rstrip(), answer.code, latency)


def unanswered(fault: ExchangeFault) -> Outcome:
    """No answer, for a reason that lies with the endpoint or with us."""
    return Outcome(Evidence.NOTHING if fault.ours else Evidence.FAILS, fault.reason)
