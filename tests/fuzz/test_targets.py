"""The fuzzer's targets, with the corpus and a few mutations; ``make fuzz`` goes on from here."""

from __future__ import annotations

import random
from importlib import import_module
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import TARGETS
from tests.fuzz.target import CANARY, CORPORA, Target, put_canary, watched

INPUTS = [(name, file.name) for name in TARGETS for file in sorted((CORPORA / name).iterdir())]


@pytest.fixture(autouse=True)
def _with_canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put_canary()


def target_of(name: str) -> Target:
    """The target of a module."""
    target: Target = import_module(f"tests.fuzz.{name}").TARGET
    target.read(b"")  # what is compiled or imported once is no part of a reader's time
    return target


@pytest.mark.parametrize(("name", "file"), INPUTS)
def test_corpus(name: str, file: str) -> None:
    """Inputs that once were wrong or slow, or reach what others do not, come to something, or to our own error."""
    target = target_of(name)
    target.check((target.corpus / file).read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_mutations(name: str) -> None:
    """So do some mutations of them."""
    target = target_of(name)
    for data in islice(target.mutations(random.Random(7)), 100):  # noqa: S311 - a test
        target.check(data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=25)
@given(data=st.data())
def test_pieces(name: str, data: st.DataObject) -> None:
    """So do the words of the language in any order, and bytes without any sense."""
    target = target_of(name)
    pieces = st.sampled_from(target.pieces) | st.binary(max_size=6)
    target.check(data.draw(st.lists(pieces, max_size=20).map(b"".join))[: target.largest])


def test_what_is_touched_is_noticed(tmp_path: Path) -> None:
    """The watch is worth something: a file that a reader opens is found out."""
    (tmp_path / "secret").touch()
    with pytest.raises(AssertionError, match="secret"), watched():
        (tmp_path / "secret").read_bytes()


def test_the_canary_sings() -> None:
    """A file that is read without Python's knowing is found out too, where the file system notes it."""
    if not put_canary():
        pytest.skip("this file system does not note what is read")
    with pytest.raises(AssertionError, match=CANARY), watched():
        _read_unnoticed(CANARY)


def _read_unnoticed(name: str) -> None:
    from lxml import etree  # noqa: PLC0415  only this test reads by libxml2

    etree.parse(name)
