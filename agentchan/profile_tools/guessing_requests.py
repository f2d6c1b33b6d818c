"""Guesses what goes into the parameters of one operation."""

from __future__ import annotations

from collections.abc import Iterator

from agentchan.ce.duties import CHANNEL, TIMES, VALUES_OF_FIELDS, DutyWords
from agentchan.ce.shapes import AttributeShape, Kind, Shape
from agentchan.ce.wsdl import Operation
from agentchan.config.faults import quoted
from agentchan.profile_tools.described import about, leaves, required
from agentchan.profile_tools.drafts import Line
from agentchan.profile_tools.name_tables import CHANNEL_VALUES, PARAMETERS, WORDS
from agentchan.profile_tools.names import best, plain, word_for

_TEXTS = (Kind.TEXT, Kind.TOKEN)
_FITS: dict[str, tuple[Kind, ...]] = {
    "started_at": (Kind.TIME, *_TEXTS),
    "ended_at": (Kind.TIME, *_TEXTS),
    "ready": (Kind.BOOLEAN, Kind.WHOLE, *_TEXTS),
    "max_wait": (Kind.DURATION, Kind.WHOLE, Kind.NUMBER, *_TEXTS),
    "known_generation": (Kind.WHOLE, Kind.NUMBER, *_TEXTS),
}
"""What kinds of text a field's value can be; of others texts, and numbers where the values are such."""

_FROM_ELSEWHERE = ("session_id", "call_token")
"""Fields that must have been given by another duty's reply."""


class Requests:
    """The parameters of one operation.

    Args:
        operation: of the WSDL.
        words: what the duty may speak of.
        given: the fields that other duties' replies give.

    Attributes:
        used: the fields that are used.
        values: the site's words and ours for them.
    """

    def __init__(self, operation: Operation, words: DutyWords, given: frozenset[str]) -> None:
        self.used: set[str] = set()
        self.values: dict[str, dict[str, str]] = {}
        self._shape = operation.request
        self._words = words
        self._given = given

    def lines(self) -> tuple[Line, ...]:
        """A line for each."""
        return tuple(self._lines())

    def _lines(self) -> Iterator[Line]:
        listed: str | None = None
        for path, target in leaves(self._shape):
            inside = listed is not None and path.startswith(f"{listed}/")
            if isinstance(target, Shape) and target.repeated and not inside:
                each = self._each(path)
                if each is not None:
                    listed = path
                    self.used.add(CHANNEL if each == CHANNEL and target.kind is not None else each)
                    yield self._line(path, target, f'{{ each = "{each}" }}')
                    continue
                if target.kind is None:
                    yield self._undecided(path, target, "may be there several times, which nothing here is")
                    continue
            if self._below_a_list(path) and not inside:
                continue
            yield self._leaf(path, target, self._allowed(listed if inside else None))

    def _each(self, path: str) -> str | None:
        """What a list in the request is a list of; None if it is of nothing that we know."""
        return next((each for each in self._words.each if each not in self.used), None) if path else None

    def _below_a_list(self, path: str) -> bool:
        """Whether a path is within a list that is not mapped."""
        steps = path.split("/")
        above = (self._shape.find("/".join(steps[:length])) for length in range(1, len(steps)))
        return any(isinstance(shape, Shape) and shape.repeated for shape in above)

    def _allowed(self, listed: str | None) -> set[str]:
        """The fields that may be used now: each once, and those of a list within it."""
        fields = set(self._words.fields)
        if listed is not None:
            for inner in self._words.each.values():
                fields |= inner
        return {
            each for each in fields if each not in self.used and (each not in _FROM_ELSEWHERE or each in self._given)
        }

    def _leaf(self, path: str, target: Shape | AttributeShape, allowed: set[str]) -> Line:
        name = path if path != "." else self._shape.name
        guess = best(name, PARAMETERS, allowed)
        if guess is not None and self._fits(guess, target):
            words = self._words_for(guess, target)
            if words is None:
                return self._undecided(path, target, f"looks like {{{guess}}}; its words are not ours: values.{guess}")
            self.used.add(guess)
            return self._line(path, target, quoted(f"{{{guess}}}"), _hint(guess, target))
        key = plain(name.rpartition("/")[2])
        if self._words.call_signal and key in CHANNEL_VALUES and not target.enumeration and target.kind in _TEXTS:
            place = f'[ivr.channel_values."*"] {key} = "…"'
            return self._line(path, target, quoted(f"{{channel.{key}}}"), f"set it in the configuration: {place}")
        return self._undecided(path, target, "a constant, or a template of fields")

    def _fits(self, guess: str, target: Shape | AttributeShape) -> bool:
        allowed = _FITS.get(guess, (Kind.WHOLE, *_TEXTS))
        return target.kind in allowed

    def _words_for(self, guess: str, target: Shape | AttributeShape) -> dict[str, str] | None:
        """The site's words and ours, as far as they differ; None where they could not be guessed."""
        name = VALUES_OF_FIELDS.get(guess, guess)
        if guess == "ready" and target.kind is Kind.WHOLE:
            self.values["ready"] = {"1": "true", "0": "false"}
            return {}
        if not target.enumeration:
            return {}
        if name not in WORDS:
            return None
        pairs = {their: word_for(their, WORDS[name]) for their in target.enumeration}
        words = {their: ours for their, ours in pairs.items() if ours is not None}
        if len(words) < len(pairs):
            return None
        different = {their: ours for their, ours in words.items() if their != ours}
        if different:
            self.values[name] = different
        return different

    def _line(self, path: str, target: Shape | AttributeShape, value: str, hint: str = "") -> Line:
        text = about(self._shape, path, target)
        return Line(path, value, f"{text}; {hint}" if hint else text)

    def _undecided(self, path: str, target: Shape | AttributeShape, what: str) -> Line:
        decide = what if required(self._shape, path) else ""
        return Line(path, None, about(self._shape, path, target), decide)


def _hint(guess: str, target: Shape | AttributeShape) -> str:
    """What somebody should look at, though something could be guessed."""
    if guess in TIMES and target.kind in _TEXTS:
        return f"a text, so perhaps in the site's own form, such as {{{guess}:%d.%m.%Y %H:%M:%S}}"
    if guess == "ready" and target.kind is Kind.WHOLE:
        return "which number means ready is a guess"
    if guess == "ready" and target.kind in _TEXTS and not target.enumeration:
        return "which text means ready is not said: see values.ready"
    if target.kind is Kind.WHOLE and guess not in _FITS:
        return "the IVR must use numbers, then"
    return ""
