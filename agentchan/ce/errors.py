"""What can go wrong between this program and a CE host."""

from __future__ import annotations

_LONGEST_REASON = 500


def one_line(text: str, longest: int = _LONGEST_REASON) -> str:
    """A text from anywhere, made fit for one line of a log: printable, without line ends, not too long."""
    shown = text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


class ExchangeFailed(Exception):  # noqa: N818 - it names an outcome, not a bug
    """A request got no answer of the contract, so whether CE applied it is unknown (contract, Faults).

    Attributes:
        reason: one line for an operator, without secrets.
    """

    def __init__(self, reason: str) -> None:
        self.reason = one_line(reason)
        super().__init__(self.reason)


def at(where: str, failure: ExchangeFailed) -> ExchangeFailed:
    """The same failure, naming the peer."""
    return ExchangeFailed(f"{where}: {failure.reason}")


class CannotEncode(Exception):  # noqa: N818 - it names an outcome, not a bug
    """A request cannot be said in the site's profile, now or ever.

    Attributes:
        reason: one line for an operator.
    """

    def __init__(self, reason: str) -> None:
        self.reason = one_line(reason)
        super().__init__(self.reason)
