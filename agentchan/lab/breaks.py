"""Connections that break off in the middle of a request or of an answer."""

from __future__ import annotations

from attrs import define, field, frozen


@frozen
class Break:
    """One connection that breaks off.

    Attributes:
        within: ``request`` or ``answer``.
        share: of its bytes, from 0 up to but not including 1, that still arrive.

    Raises:
        ValueError: an attribute is none of these.
    """

    within: str
    share: float

    def __attrs_post_init__(self) -> None:
        if self.within not in ("request", "answer"):
            raise ValueError("within is request or answer")
        if not 0 <= self.share < 1:
            raise ValueError("share is from 0 up to but not including 1")

    def left(self, data: bytes) -> bytes:
        """The part of ``data`` that still arrives."""
        return data[: int(len(data) * self.share)]


@define
class Breaks:
    """What is to break off next, on whichever connection of a service it is said."""

    waiting: list[Break] = field(factory=list)

    def take(self, within: str) -> Break | None:
        """What this request or answer is to break off by; it is used up."""
        for each in self.waiting:
            if each.within == within:
                self.waiting.remove(each)
                return each
        return None
