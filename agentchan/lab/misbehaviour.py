"""How a host answers slowly or wrongly on purpose: the rules."""

from __future__ import annotations

from typing import Any

from attrs import define, field

MANGLED = frozenset({"truncated", "wrong-namespace", "wrong-types", "dtd", "hold", "close-mid-reply"})
"""Ways that need the true answer: the request is carried out."""
FAULTS = {
    "not-active": "NotActive",
    "unavailable": "Unavailable",
    "unknown-session": "UnknownSession",
    "session-already-open": "SessionAlreadyOpen",
    "unknown-ivr": "UnknownIvr",
    "invalid-request": "InvalidRequest",
}
CANNED = frozenset({"http-503", "http-404", "http-401", "empty", "garbage", "html", "wrong-operation", "oversized"})
RESETS = frozenset({"reset-before", "reset-after"})
KINDS = MANGLED | CANNED | RESETS | FAULTS.keys() | {"slow"}
TRUE_WORDS = frozenset({"hold", *FAULTS})
"""Kinds whose answer a caller can understand, so that it is told what the answer says."""
ANY = "*"
LARGEST_DELAY = 3600.0
OVERSIZED = 64 * 1024 * 1024
"""Bytes of an oversized answer: far more than any client should take."""


@define
class Rule:
    """One way to answer wrongly.

    Attributes:
        kind: one of ``KINDS``. ``reset-before`` resets the connection and applies nothing, ``reset-after`` applies the
            request and then resets: the reply is lost. ``hold`` applies, and keeps the reply until released.
        service: ``component``, ``connector`` or ``*``.
        operation: an operation's name or ``*``.
        times: so often, then no more; None: until reset.
        seconds: ``slow`` only: the delay.
        when: ``slow`` only: delay ``before`` or ``after`` the request is applied.
        applied: whether the request is carried out before a canned wrong answer or fault.
        size: ``oversized`` only: bytes.
        active_server: ``not-active`` only: the host to name.

    Raises:
        ValueError: an attribute is none of these.
    """

    kind: str
    service: str = ANY
    operation: str = ANY
    times: int | None = None
    seconds: float = 0.0
    when: str = "before"
    applied: bool = False
    size: int = OVERSIZED
    active_server: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is none of {', '.join(sorted(KINDS))}")
        if self.service not in (ANY, "component", "connector"):
            raise ValueError(f"service {self.service!r} is none of component, connector, *")
        if self.when not in ("before", "after"):
            raise ValueError(f"when {self.when!r} is none of before, after")
        if not 0 <= self.seconds <= LARGEST_DELAY:
            raise ValueError(f"seconds {self.seconds!r} is not between 0 and {LARGEST_DELAY:.0f}")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times {self.times!r} is not above 0")
        if self.kind in MANGLED or self.kind == "reset-after":
            self.applied = True

    def covers(self, service: str, operation: str) -> bool:
        """Whether the rule speaks about this operation."""
        return self.service in (ANY, service) and self.operation in (ANY, operation)


@define
class Misbehaviour:
    """The rules of one host; of several that cover an operation the newest counts, delays apart."""

    rules: list[Rule] = field(factory=list)

    def take(self, service: str, operation: str) -> Rule | None:
        """The wrong answer for this request, counted."""
        return self._take(service, operation, lambda rule: rule.kind != "slow")

    def delay(self, service: str, operation: str, when: str) -> float:
        """Seconds to wait before or after this request is applied."""
        rule = self._take(service, operation, lambda rule: rule.kind == "slow" and rule.when == when)
        return 0.0 if rule is None else rule.seconds

    def _take(self, service: str, operation: str, fits: Any) -> Rule | None:
        for rule in reversed(self.rules):
            if fits(rule) and rule.covers(service, operation):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times == 0:
                        self.rules.remove(rule)
                return rule
        return None
