"""Generations as the journal's integers: CE's have 64 bits without a sign (contract), SQLite's have one."""

from __future__ import annotations

_ALL = 2**64
_HALF = 2**63


def to_integer(generation: int) -> int:
    """What stands in the journal for a generation: the same 64 bits, read with a sign."""
    return generation - _ALL if generation >= _HALF else generation


def from_integer(integer: int) -> int:
    """The generation again."""
    return integer + _ALL if integer < 0 else integer


def optional_to_integer(generation: int | None) -> int | None:
    """The same for one that may be unknown."""
    return None if generation is None else to_integer(generation)


def optional_from_integer(integer: int | None) -> int | None:
    """The same for one that may be unknown."""
    return None if integer is None else from_integer(integer)
