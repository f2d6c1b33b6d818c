"""The fuzzer's corpus: messages that once were wrong or slow, or reach something that others do not."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz.sip_messages import CORPUS, check, mutations, parse, seeds


@pytest.mark.parametrize("file", sorted(CORPUS.iterdir()), ids=lambda file: file.name)
def test_message(file: Path) -> None:
    """It comes to something, or to our own error, in less than 10 ms."""
    check(file.read_bytes())


@pytest.mark.parametrize(
    "name", ["kamailio-200", "kamailio-200-tcp", "kamailio-404", "sipp-200", "sipp-480", "sipp-503"]
)
def test_real_answers(name: str) -> None:
    """Answers of real SIP elements are read."""
    answer, message, _ = parse((CORPUS / name).read_bytes())
    assert answer.code == int(name.split("-")[1])
    assert message == (CORPUS / name).read_bytes()


def test_mutations() -> None:
    """So do some thousand mutations of it."""
    for data in islice(mutations(random.Random(7), seeds()), 3000):  # noqa: S311 - a test
        check(data)
