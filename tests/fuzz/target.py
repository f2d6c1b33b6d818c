"""What is fuzzed, and what must hold whatever bytes come: our own errors alone, soon enough, nothing read or called."""

from __future__ import annotations

import hashlib
import os
import random
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen

CORPORA = Path(__file__).parent / "corpus"

REACTOR = 0.010
"""Seconds of processor time that the reactor may be held up."""

THREAD = 0.500
"""Seconds of processor time of what is done in a thread, or before anything runs."""

COMMAND = 2.0
"""Seconds of processor time of what only a command does, while somebody waits for it."""

CANARY = "canary.xml"
"""A file in the working directory that nobody is to read; corpora name it where a parser might be made to."""

_RUNS = 5
_FORMED = 0.5
_TOLD = 80
_CHANCES = (1, 1, 2, 30, 1000)
_PARTICULARS = re.compile(r"""'[^']*'|"[^"]*"|[0-9]+|b'.*'""")

Works = Callable[[bytes], Iterator[Callable[[], object]]]


@frozen
class Target:
    """One reader of bytes from outside.

    Attributes:
        name: of its corpus.
        works: what is done with some bytes, one by one; each returns what it comes to, and our own errors as texts.
        pieces: what mutations put in.
        most: seconds of processor time that each of the works may take.
        largest: bytes of an input; what is longer is refused, or read in a thread.
        mutated: a change that keeps the form of an input; None where it has none.
    """

    name: str
    works: Works
    pieces: tuple[bytes, ...]
    most: float = REACTOR
    largest: int = 20_000
    mutated: Callable[[bytes, random.Random], bytes | None] | None = None
    corpus: Path = field(init=False)

    @corpus.default
    def _own_corpus(self) -> Path:
        return CORPORA / self.name

    def read(self, data: bytes) -> list[object]:
        """What it comes to."""
        return [work() for work in self.works(data)]

    def check(self, data: bytes) -> None:
        """Read, take the time, and watch for files and connections.

        Raises:
            AssertionError: it takes too long, or opens something.
            Exception: whatever a reader should not raise.
        """
        longest = 0.0
        # First by the wall clock, which costs less to read, and on a busy machine shows more than was used.
        for clock in (time.perf_counter, *[time.thread_time] * _RUNS):
            with watched():
                longest = max((_took(work, clock) for work in self.works(data)), default=0.0)
            if longest < self.most:
                return
        raise AssertionError(f"{longest * 1e3:.1f} ms")

    def seeds(self, folder: Path | None = None) -> list[bytes]:
        """The inputs of a folder, of the corpus by default."""
        return [file.read_bytes() for file in sorted((folder or self.corpus).iterdir())]

    def mutations(self, chance: random.Random) -> Iterator[bytes]:
        """Inputs of the corpus with some changes, for ever."""
        known = self.seeds()
        while True:
            seed = chance.choice(known)
            formed = self.mutated(seed, chance) if self.mutated is not None and chance.random() < _FORMED else None
            if formed is not None:
                yield formed[: self.largest]
                continue
            data = bytearray(seed)
            for _ in range(chance.randint(1, 6)):
                place, length = chance.randint(0, len(data)), chance.choice((0, 0, 1, 4, 40))
                piece = chance.choice((*self.pieces, chance.randbytes(4), bytes(data[place : place + 20])))
                data[place : place + length] = piece * chance.choice(_CHANCES)
            yield bytes(data[: self.largest])

    def kind(self, data: bytes) -> tuple[object, ...]:
        """What an input comes to, without its particulars, and without how often."""
        whole = (
            _PARTICULARS.sub("0", each)[:_TOLD] if isinstance(each, str) else type(each) for each in self.read(data)
        )
        return tuple(sorted(set(whole), key=str))

    def keep(self, found: Iterable[bytes]) -> Iterator[Path]:
        """Take the smallest input of each new kind into the corpus."""
        known = {self.kind(data) for data in self.seeds()}
        for data in sorted(found, key=len):
            if self.kind(data) not in known:
                known.add(self.kind(data))
                file = self.corpus / hashlib.sha256(data).hexdigest()[:16]
                file.write_bytes(data)
                yield file


def _took(work: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    work()
    return clock() - began


def tried(work: Callable[[], object], *errors: type[Exception]) -> Callable[[], object]:
    """The same work with our own errors as texts."""

    def trial() -> object:
        try:
            return work()
        except errors as error:
            text = str(error)
            assert text.strip(), "an error without a text"
            return text

    return trial


# -- what must not be touched ------------------------------------------------------------------------------------------

_touched: list[str] | None = None
_hooked = False
_CODE = (".py", ".pyc", ".so")
_WATCHED = frozenset({"open", "socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen", "os.system"})
allowed: list[str] = ["/zoneinfo", "/tzdata"]
"""Parts of the names of files that may be read: the time zones; a target that is about files adds its own."""


def _audited(event: str, arguments: tuple[object, ...]) -> None:
    if _touched is None or event not in _WATCHED or isinstance(arguments[0], int):
        return  # nobody watches; or a file that was opened before, as one that was noticed
    text = str(arguments[0])
    if event != "open" or not (text.endswith(_CODE) or any(each in text for each in allowed)):
        _touched.append(f"{event} {arguments}")


@contextmanager
def watched() -> Iterator[None]:
    """Notice files that Python opens and peers that it calls; libxml2 is watched by the canary.

    Raises:
        AssertionError: there were some.
    """
    global _touched, _hooked  # noqa: PLW0603  an audit hook stays for ever
    if not _hooked:
        sys.addaudithook(_audited)
        _hooked = True
    before, _touched = _touched, []
    try:
        yield
        touched = _touched
    finally:
        _touched = before
    assert not touched, touched
    assert not canary_read(), f"{CANARY} was read"


def put_canary() -> bool:
    """Put the canary into the working directory; whether it would sing, which not every file system lets it."""
    canary = Path(CANARY)
    canary.write_bytes(b"<canary/>")
    os.utime(canary, (0, 1))
    canary.read_bytes()
    sings = canary.stat().st_atime != 0
    os.utime(canary, (0, 1))
    return sings


def canary_read() -> bool:
    """Whether the canary has been read since it was put there."""
    try:
        return os.stat(CANARY).st_atime != 0  # noqa: PTH116  this is asked a thousand times a second
    except FileNotFoundError:
        return False
