"""What can go wrong between this program and a CE host."""

from __future__ import annotations


class ExchangeFailed(Exception):  # noqa: N818 - it names an outcome, not a bug
    """A request got no answer of the contract, so whether CE applied it is unknown (contract, Faults).

    Attributes:
        reason: one line for an operator, without secrets.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def at(where: str, failure: ExchangeFailed) -> ExchangeFailed:
    """The same failure, naming the peer."""
    return ExchangeFailed(f"{where}: {failure.reason}")


class CannotEncode(Exception):  # noqa: N818 - it names an outcome, not a bug
    """A request cannot be said in the site's profile, now or ever.

    Attributes:
        reason: one line for an operator.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
