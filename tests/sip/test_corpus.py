"""The fuzzer's corpus of SIP messages has answers of real SIP elements among it; tests/fuzz goes through all of it."""

from __future__ import annotations

import pytest

from tests.fuzz.sip_messages import TARGET


@pytest.mark.parametrize(
    "name", ["kamailio-200", "kamailio-200-tcp", "kamailio-404", "sipp-200", "sipp-480", "sipp-503"]
)
def test_real_answers(name: str) -> None:
    """They are read."""
    data = (TARGET.corpus / name).read_bytes()
    answer, message, _ = TARGET.read(data)
    assert answer.code == int(name.split("-")[1])  # type: ignore[attr-defined]  # whatever a work comes to
    assert message == data
