"""What can be wrong with a SIP URI, a message, or an exchange."""

from __future__ import annotations


class UnusableUri(ValueError):  # noqa: N818 - it names what is wrong with a value
    """A URI that cannot be probed; the text says why, in one line, and never repeats the URI."""


class MalformedMessage(Exception):  # noqa: N818 - it names what came, not a bug of ours
    """Bytes that are no SIP response we can use; the text says what is wrong with them."""


class ExchangeFault(Exception):  # noqa: N818 - it names an outcome, not a bug
    """A request got no answer.

    Attributes:
        reason: one line for an operator.
        ours: whether the cause lies on this machine, so that nothing was learnt about the endpoint.
    """

    def __init__(self, reason: str, *, ours: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.ours = ours
