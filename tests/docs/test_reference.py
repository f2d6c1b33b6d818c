"""docs/configuration.md is made from the code, docs/profiles.md agrees with it."""

from __future__ import annotations

import re

import pytest

from agentchan.ce.duties import COMPONENT_DUTIES, CONNECTOR_DUTIES, FAULT_RESULTS, VALUES, DutyWords
from agentchan.ce.duty_loader import duty_keys
from agentchan.ce.profile_loader import _KEYS, _SOAP, _TOP
from agentchan.cli.reference import COMMAND
from agentchan.config import Configuration
from agentchan.config.settings import all_settings
from agentchan.vocabulary import Meaning
from tests.cli.running import run
from tests.docs.pages import ROOT, codes, text_of

PAGE = ROOT / "docs/configuration.md"
PROFILES = ROOT / "docs/profiles.md"
SAMPLE = ROOT / "etc/agentchan.toml"
DUTIES = {**CONNECTOR_DUTIES, **COMPONENT_DUTIES}


def test_the_reference_is_current() -> None:
    """The page is what the program prints."""
    assert run(None, "config", "reference").stdout == text_of(PAGE), f"make it anew: {COMMAND}"


def test_every_key_is_in_the_sample() -> None:
    """The page says so."""
    text = SAMPLE.read_text(encoding="utf-8")
    keys = {place[-1] for place, _ in all_settings(Configuration)}
    assert {key for key in keys if not re.search(rf"\b{key}\b", text)} == set()


@pytest.mark.parametrize(
    "keys",
    [_TOP, _SOAP, *_KEYS.values(), duty_keys("gone"), VALUES, sorted(FAULT_RESULTS), [each.value for each in Meaning]],
    ids=["top", "soap", "ivr_connector", "component_service", "duty", "values", "fault_results", "means"],
)
def test_every_key_of_a_profile_is_told(keys: list[str]) -> None:
    """Each is named in the guide."""
    told = " ".join(codes(PROFILES))
    assert [key for key in keys if not re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", told)] == []


@pytest.mark.parametrize(("duty", "words"), DUTIES.items(), ids=list(DUTIES))
def test_every_word_of_a_duty_is_told(duty: str, words: DutyWords) -> None:
    """The table of duties has its fields and results, all of them and no others."""
    row = next(line for line in text_of(PROFILES).splitlines() if line.startswith(f"| `{duty}` |") and "`ivr`" in line)
    _, _, fields, results, _ = row.split("|")
    repeated = {word for group in words.each.values() for word in group} | set(words.each)
    assert set(re.findall(r"`(\w+)`", fields)) == words.fields | repeated
    if results.strip() != "the same":
        assert set(re.findall(r"`(\w+)`", results)) == words.results
