"""Whether an IVR asked for readiness where it had been told that nothing is to be had.

What a host says is logged just before it is given to the kernel; when the IVR has read it is not seen. So each word has
a time at which it was *said* and a later one at which it was *surely known*, whichever of these comes first:

- the next request on the same connection arrived: connections carry one request at a time, so the answer had been read;
- the IVR closed the connection: it had the answer, or at least could have had it;
- ``IN_FLIGHT`` seconds passed.

Between the two the IVR may know the word or not, and gets the benefit of the doubt. When a request was *sent* is seen
to ``GRAIN`` seconds, since over loopback it arrives in the kernel at once, however long the host (frozen, perhaps) took
to read it. What the host said before on the request's own connection was surely known.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from agentchan.lab.misbehaviour import TRUE_WORDS

Rows = Sequence[Mapping[str, Any]]

IN_FLIGHT = 1.0
"""Seconds after which an answer counts as read, with nothing else to tell; far more than a busy machine needs."""
GRAIN = 0.01
"""Seconds: the kernel keeps the time of arrival in ticks, of at most so much."""


@frozen
class Word:
    """One word of a host about its own role.

    Attributes:
        generation: None where the answer names none.
        said_at: monotonic seconds.
        known_at: monotonic seconds, from which on it was surely known.
    """

    host: str
    active: bool
    generation: int | None
    domain: str | None
    connection: str
    said_at: float
    known_at: float

    def overrules(self, other: Word) -> bool:
        """Whether a host that says this has taken over from one that says ``other``, in the same domain."""
        if self.generation is None or other.generation is None or not self.active or self.host == other.host:
            return False
        same_domain = None in (self.domain, other.domain) or self.domain == other.domain
        return same_domain and self.generation > other.generation


@frozen
class Knowledge:
    """What the IVR may know of one host at one moment: each of ``words`` may be the last that it has read.

    Attributes:
        complete: False if it may know nothing at all.
    """

    words: tuple[Word, ...]
    complete: bool


@frozen
class Said:
    """All words of all hosts, in the order in which they were said."""

    words: Mapping[str, Sequence[Word]]
    times: Mapping[str, Sequence[float]] = field(init=False)

    @times.default
    def _times(self) -> Mapping[str, Sequence[float]]:
        return {host: [word.said_at for word in words] for host, words in self.words.items()}

    def known(self, host: str, request: Mapping[str, Any], *, only_here: bool) -> Knowledge:
        """What was known of ``host`` when a request was sent; from the request's own connection alone if told so."""
        sent = request["arrived"]
        latest = min(sent + GRAIN, request["monotonic"])
        found: list[Word] = []
        words = self.words.get(host, ())
        for word in reversed(words[: bisect_left(self.times.get(host, ()), latest)]):
            here = word.connection == request["connection"]
            if only_here and not here:
                continue
            found.append(word)
            if here or word.known_at < sent - GRAIN:
                return Knowledge(tuple(found), complete=True)
        return Knowledge(tuple(found), complete=False)


def readiness_after_denial(
    requests: Rows,
    *,
    link_is_shared: bool = False,
    connector_answers: bool = False,
    pinned: Collection[str] = (),
) -> list[str]:
    """SetReadiness or OpenSession that reached a host of which the IVR had been told that it is not active.

    It is told so by the host itself (``Standby``, ``NotActive``), or by another host that is active in a higher
    generation. Only the host's own word ``Active`` takes that back.

    Args:
        requests: the rows of the request log, of all hosts, in the order of time.
        link_is_shared: several IVRs use the pair, so only what was said on a request's own connection counts.
        connector_answers: the IVR has no Component Service and asks who is active by OpenSession, which is then no
            offence; SetReadiness is.
        pinned: hosts that the IVR was told by hand to follow.
    """
    said = _said(requests)
    operations = {"SetReadiness"} if connector_answers else {"SetReadiness", "OpenSession"}
    found = []
    for row in requests:
        if row["what"] != "request" or row["operation"] not in operations or row["host"] in pinned:
            continue
        host = row["host"]
        own = said.known(host, row, only_here=link_is_shared)
        others = [
            said.known(other, row, only_here=False) for other in said.words if other != host and not link_is_shared
        ]
        why = _denial(own, others)
        if why is not None:
            where = f"at {row['arrived']:.3f} on {row['connection']}"
            found.append(f"{row['operation']} reached {host} {where}, although {_told(why, host)}")
    return found


def _denial(own: Knowledge, others: Iterable[Knowledge]) -> Word | None:
    if not own.complete or not own.words:
        return None
    others = list(others)
    denial: Word | None = None
    for word in own.words:
        overruling = [each for each in (_overruling(word, known) for known in others) if each is not None]
        if word.active and not overruling:
            return None
        denial = denial or (overruling[0] if word.active else word)
    return denial


def _overruling(word: Word, other: Knowledge) -> Word | None:
    """The word of another host that overrules ``word``, whatever was the last that was read of it."""
    if other.complete and all(each.overrules(word) for each in other.words):
        return other.words[0]
    return None


def _told(why: Word, host: str) -> str:
    where = f"at {why.said_at:.3f} on {why.connection}"
    if why.host == host:
        return f"{host} had said {where} that it is not active"
    return f"{why.host} had said {where} that it is active in generation {why.generation}"


def _said(requests: Rows) -> Said:
    words: dict[str, list[Word]] = {}
    for word in _words(requests):
        words.setdefault(word.host, []).append(word)
    return Said({host: sorted(each, key=lambda word: word.said_at) for host, each in words.items()})


def _words(requests: Rows) -> Iterator[Word]:
    later: dict[str, float] = {}
    for row in reversed(requests):
        connection, at = row["connection"], row["monotonic"]
        if row["what"] == "request":
            later[connection] = row["arrived"]
        elif row["what"] == "closed":
            later[connection] = at
        elif row["what"] == "answered":
            active = _says(row)
            if active is not None:
                generation = row["says"].get("Generation")
                yield Word(
                    row["host"],
                    active,
                    None if generation is None else int(generation),
                    row["says"].get("Domain"),
                    connection,
                    at,
                    max(at, min(later.get(connection, at + IN_FLIGHT), at + IN_FLIGHT)),
                )


def _says(row: Mapping[str, Any]) -> bool | None:
    if row["wrong"] is not None and row["wrong"] not in TRUE_WORDS:
        return None
    says = row["says"]
    if says.get("Code") == "NotActive" or says.get("Role") == "Standby":
        return False
    if says.get("Role") == "Active" or (row["operation"] == "OpenSession" and "Generation" in says):
        return True
    return None
