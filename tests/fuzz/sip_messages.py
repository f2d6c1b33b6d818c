"""Feeds the SIP parsers with mutated messages, by hand.

    python tests/fuzz/sip_messages.py [SECONDS]

With atheris ("pip install atheris") the mutations are led by what they reach in the code; without it they are drawn by
chance. Either way they begin with the messages in tests/fuzz/corpus/sip, which the tests read too. Whatever comes, a
parser may raise its own error alone and may take 10 ms of processor time; what does otherwise is written to the current
directory, and belongs into the corpus together with the mending.

Messages by which atheris has reached something new go into a folder that is named at the begin. To take into the corpus
those of them that come to something that no message there comes to:

    python tests/fuzz/sip_messages.py --keep FOLDER
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

CORPUS = ROOT / "tests" / "fuzz" / "corpus" / "sip"
LARGEST = 20_000
"""Bytes of a message; the parser refuses those of more than 16 KiB."""

MOST = 0.010
"""Seconds of processor time."""

_RUNS = 5
_PIECES = (
    *(b"\r\n", b"\r\n ", b" ", b";", b";a=b", b",", b":", b'"', b"\\", b"[", b"%00", b"="),
    *(b"\xff", b"a-", b"a.", b"v:"),
)


def parse(data: bytes) -> tuple[Any, Any, Any]:
    """What it comes to as an answer, as the begin of a stream, and as a URI; where it is none, the reason."""
    from agentchan.sip.errors import MalformedMessage, UnusableUri  # noqa: PLC0415  atheris instruments imports
    from agentchan.sip.framing import Frames  # noqa: PLC0415
    from agentchan.sip.message import read_answer  # noqa: PLC0415
    from agentchan.sip.uri import SipUri, gateway_uri, is_tel  # noqa: PLC0415

    def first_of_stream() -> bytes | None:
        frames = Frames()
        frames.feed(data)
        return frames.next()

    def uri() -> SipUri:
        text = data.decode("latin-1")
        return gateway_uri(text, "sip:{number}@gw.example.com") if is_tel(text) else SipUri.parse(text)

    def tried(work: Callable[[], object]) -> object:
        try:
            return work()
        except (MalformedMessage, UnusableUri) as error:
            return str(error)

    return tried(lambda: read_answer(data)), tried(first_of_stream), tried(uri)


def check(data: bytes) -> None:
    """Parse, and take the time.

    Raises:
        AssertionError: it takes too long.
        Exception: whatever a parser should not raise.
    """
    for _ in range(_RUNS):
        began = time.thread_time()
        parse(data)
        took = time.thread_time() - began
        if took < MOST:
            return
    raise AssertionError(f"{took * 1e3:.1f} ms")


def seeds(folder: Path = CORPUS) -> list[bytes]:
    """The messages of a folder."""
    return [file.read_bytes() for file in sorted(folder.iterdir())]


def mutations(chance: random.Random, known: list[bytes]) -> Iterator[bytes]:
    """Messages of the corpus with some changes, for ever."""
    while True:
        data = bytearray(chance.choice(known))
        for _ in range(chance.randint(1, 6)):
            place, length = chance.randint(0, len(data)), chance.choice((0, 0, 1, 4, 40))
            piece = chance.choice((*_PIECES, chance.randbytes(4), bytes(data[place : place + 20])))
            data[place : place + length] = piece * chance.choice((1, 1, 2, 30, 1000))
        yield bytes(data[:LARGEST])


def by_chance(seconds: float) -> None:
    """Plain mutations."""
    chance, known = random.Random(), seeds()  # noqa: S311 - no secrets here
    until, count = time.monotonic() + seconds, 0
    for data in mutations(chance, known):
        if time.monotonic() > until:
            break
        count += 1
        try:
            check(data)
        except BaseException:
            file = Path(f"crash-{hashlib.sha256(data).hexdigest()[:16]}")
            file.write_bytes(data)
            sys.stderr.write(f"after {count} messages: {file}\n")
            raise
    sys.stderr.write(f"{count} messages, nothing found (without atheris)\n")


def led(atheris: Any, seconds: float) -> NoReturn:
    """Mutations led by coverage; libFuzzer ends the process."""
    with atheris.instrument_imports(include=["agentchan.sip", "sipmessage"]):
        parse(b"")
    new = tempfile.mkdtemp(prefix="sip-corpus-")
    sys.stderr.write(f"new messages go to {new}\n")
    options = [f"-max_total_time={round(seconds)}", f"-max_len={LARGEST}", "-timeout=10"]
    atheris.Setup([sys.argv[0], *options, new, str(CORPUS)], check)
    atheris.Fuzz()
    raise SystemExit(0)


def kind(data: bytes) -> tuple[object, ...]:
    """What a message comes to, without its particulars."""
    return tuple(
        re.sub(r"[0-9]+", "0", what) if isinstance(what, str) else (type(what), getattr(what, "transport", None))
        for what in parse(data)
    )


def keep(messages: Iterable[bytes]) -> None:
    """Take the smallest of each new kind into the corpus."""
    known = {kind(data) for data in seeds()}
    for data in sorted(messages, key=len):
        if kind(data) not in known:
            known.add(kind(data))
            file = CORPUS / hashlib.sha256(data).hexdigest()[:16]
            file.write_bytes(data)
            sys.stderr.write(f"{file}: {kind(data)}\n")


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", nargs="?", type=float, default=60.0)
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="take new kinds of messages into the corpus")
    options = parser.parse_args()
    if options.keep is not None:
        keep(seeds(options.keep))
        return
    try:
        import atheris  # noqa: PLC0415  an option
    except ImportError:
        by_chance(options.seconds)
    else:
        led(atheris, options.seconds)


if __name__ == "__main__":
    main()
