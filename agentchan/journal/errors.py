"""What can go wrong with the journal."""

from __future__ import annotations


class JournalError(Exception):
    """The journal cannot do what was asked.

    Attributes:
        reason: one or two sentences for an operator: what is wrong and what to do about it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class JournalUnavailable(JournalError):  # noqa: N818 - it names a state, not a bug
    """The journal cannot be read or written at the moment; nothing of the request was kept.

    It is tried again all the time: when the cause goes, the journal works again without being told.
    """


class JournalInUse(JournalError):  # noqa: N818 - it names a state, not a bug
    """Another process has this journal."""


class JournalTooNew(JournalError):  # noqa: N818 - it names a state, not a bug
    """A newer program has written this journal; this one cannot read it and leaves it alone."""


class JournalMisplaced(JournalError):  # noqa: N818 - it names a state, not a bug
    """No journal can be at this path: its directory is missing, or something else is there."""


class WriteRefused(JournalError):  # noqa: N818 - it names an outcome, not a bug
    """A batch contradicts what the journal holds, say by a SignalId that is taken; nothing of the batch was kept."""
