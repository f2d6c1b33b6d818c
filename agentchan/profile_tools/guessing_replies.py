"""Guesses what comes out of the replies of one operation."""

from __future__ import annotations

from collections.abc import Iterator

from agentchan.ce.duties import CHANNEL, REPORT_RESULTS, VALUES, DutyWords, words_for
from agentchan.ce.shapes import AttributeShape, Kind, Shape
from agentchan.ce.wsdl import Operation
from agentchan.config.faults import quoted
from agentchan.profile_tools.described import kind_of, leaves
from agentchan.profile_tools.drafts import Line, OutcomeLine
from agentchan.profile_tools.name_tables import RESULT_CODES, RESULTS, WORDS
from agentchan.profile_tools.names import best, plain, word_for

_MOST_CODES = 20


class Replies:
    """The results of one duty.

    Args:
        duty: its name.
        operation: of the WSDL.
        words: what the duty may speak of.

    Attributes:
        values: the site's words and ours for them.
    """

    def __init__(self, duty: str, operation: Operation, words: DutyWords) -> None:
        self.values: dict[str, dict[str, str]] = {}
        self._duty = duty
        self._shape = operation.reply
        self._words = words
        self._used: set[str] = set()
        self._codes: list[tuple[str, Shape | AttributeShape]] = []

    def lines(self) -> tuple[Line, ...]:
        """A line for each thing in the reply that is of use, or looks as if it were."""
        return tuple(self._lines())

    def outcomes(self) -> tuple[OutcomeLine, ...]:
        """What tells that a good reply is none; to be asked after :meth:`lines`."""
        return tuple(self._outcomes())

    def _lines(self) -> Iterator[Line]:
        listed: str | None = None
        reported: set[str] = set()
        for path, target in leaves(self._shape):
            if isinstance(target, Shape) and target.repeated and self._is_report(target) and listed is None:
                listed = path
                yield Line(path, f'{{ each = "{CHANNEL}" }}', "a report of each channel")
                continue
            inside = listed is not None and path.startswith(f"{listed}/")
            used = reported if inside else self._used
            allowed = (REPORT_RESULTS if inside else self._words.results) - used
            found = self._leaf(path, target, allowed, used)
            if found is not None:
                yield found

    def _is_report(self, target: Shape) -> bool:
        return self._words.reports and any(best(path, RESULTS, {"channel"}) is not None for path, _ in leaves(target))

    def _leaf(self, path: str, target: Shape | AttributeShape, allowed: frozenset[str], used: set[str]) -> Line | None:
        if target.kind is None:
            return None
        guess = self._guess(path, target, allowed)
        text = kind_of(target)
        if guess is None:
            if self._words.call_signal and plain(path).endswith(RESULT_CODES):
                self._codes.append((path, target))
            return None
        if guess in VALUES and not self._explain(guess, target):
            decide = f"looks like the {guess}; say in values.{guess} what each of its words means"
            return Line(path, None, text, decide)
        used.add(guess)
        return Line(path, quoted(guess), text)

    def _guess(self, path: str, target: Shape | AttributeShape, allowed: frozenset[str]) -> str | None:
        if target.kind is Kind.BOOLEAN:
            is_role = "role" in allowed and plain(path).endswith(("isactive", "active"))
            return "role" if is_role else None
        return best(path, RESULTS, allowed)

    def _explain(self, guess: str, target: Shape | AttributeShape) -> bool:
        """Find the site's words for a result; False where some could not be guessed, or nobody says what they are."""
        ours = words_for(guess, self._duty) or {}
        if target.kind is Kind.BOOLEAN:
            self.values[guess] = {"true": "Active", "1": "Active", "false": "Standby", "0": "Standby"}
            return True
        if not target.enumeration:
            return False
        table = {word: WORDS[guess].get(word, ()) for word in ours}
        pairs = {their: their if their in ours else word_for(their, table) for their in target.enumeration}
        words = {their: word for their, word in pairs.items() if word is not None}
        different = {their: word for their, word in words.items() if their != word}
        if len(words) < len(pairs):
            return False
        if different:
            self.values[guess] = different
        return True

    def _outcomes(self) -> Iterator[OutcomeLine]:
        for path, target in self._codes:
            keys = {"path": quoted(path)}
            if target.kind is Kind.BOOLEAN and plain(path).endswith("duplicate"):
                yield OutcomeLine({**keys, "equals": '["true", "1"]', "means": quoted("duplicate")})
                continue
            words = [quoted(word) for word in target.enumeration[:_MOST_CODES]] or [quoted("0")]
            decide = f"{path} ({kind_of(target)}) may tell of failures: say what each value means"
            for word in words:
                yield OutcomeLine({**keys, "equals": word, "means": quoted("confirmed")}, decide)
                decide = decide if target.enumeration else ""
