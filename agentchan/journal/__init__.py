"""What must survive a crash, in one SQLite file: facts, and call signals with their fates.

:class:`Journal` is used on the reactor's thread and never blocks it; the file is touched by a thread of its own.
"""

from agentchan.journal.errors import (
    JournalError,
    JournalInUse,
    JournalMisplaced,
    JournalTooNew,
    JournalUnavailable,
    WriteRefused,
)
from agentchan.journal.facts import KeptEvent, Remembered
from agentchan.journal.health import Health, State
from agentchan.journal.journal import Journal

__all__ = [
    "Health",
    "Journal",
    "JournalError",
    "JournalInUse",
    "JournalMisplaced",
    "JournalTooNew",
    "JournalUnavailable",
    "KeptEvent",
    "Remembered",
    "State",
    "WriteRefused",
]
