"""From a status to what is wrong, and what mends it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.api.problems import problems
from tests.api.record import STATUS
from tests.api.scenes import ALL_NAMES, SCENES, without

WRONG = {
    "well": [],
    "away": ["no-host-answers", "refused"],
    "failing-over": ["none-active"],
    "dialing": ["agent-channel-down"],
    "signing-on": ["agent-channel-down"],
    "restoring": [],
    "suspect": ["suspect"],
    "standing-by": ["standing-by"],
    "contended": ["contended"],
    "signing-off": [],
    "ambiguous": ["ambiguous"],
    "pinned": ["pinned-not-active"],
    "draining": ["stuck", "draining"],
    "ailing": [
        "journal-failing",
        "emergency",
        "ivr-down",
        "channel-unknown",
        "certificate-expiring",
        "stuck",
        "refused",
        "expired",
        "journal-set-aside",
    ],
    "frontend": [],
    "ancient": [],
}


@pytest.mark.parametrize("scene", SCENES)
def test_what_is_wrong(scene: str) -> None:
    """The worst first, each once, each with a text and a remedy; nothing when all is well."""
    found = problems(SCENES[scene]())
    if scene in WRONG:
        assert [problem["code"] for problem in found] == WRONG[scene]
    for problem in found:
        assert set(problem) == {"code", "text", "since", "remedy"}
        assert problem["text"]
        assert problem["remedy"]


def changed(section: str, **fields: Any) -> list[dict[str, Any]]:
    """What is wrong when these fields of a good day are otherwise."""
    status = copy.deepcopy(STATUS)
    status[section] = status[section] | fields
    return problems(status)


@pytest.mark.parametrize(
    ("section", "fields", "words", "remedy"),
    [
        (
            "ce",
            {"verdict": "unknown", "reason": "no host answers (a: b)"},
            "no CE host answers the",
            "agentchan doctor",
        ),
        ("ce", {"verdict": "none-active", "reason": "ce2 claims it, but"}, "is active: ce2 claims it, but", "at once"),
        ("ce", {"verdict": "none-active", "failing_over": True, "domain_state": None}, "it is failing over", "at once"),
        ("ce", {"verdict": "ambiguous", "reason": "both"}, "both", "agentchan follow HOST"),
        ("agent_channel", {"state": "down", "error": None}, "is down: no attempt has ended yet", "doctor"),
        ("agent_channel", {"state": "suspect", "host": "ce1"}, "ce1 has not answered", "--watch"),
        (
            "agent_channel",
            {"state": "contended", "error": None},
            "instance_id keeps replacing",
            "own [ivr] instance_id",
        ),
        ("journal", {"state": "failing", "error": "disk full"}, "refused: disk full", "[journal] path"),
        ("journal", {"state": "failing", "error": None}, "no cause given", "[journal] path"),
        ("journal", {"set_aside": "/a/b"}, "set aside as /a/b", "keep that file"),
        ("ivr_health", {"up": False, "error": None}, "does not answer its health check", "start the IVR"),
        ("channels", {"unknown_to_ce": 1}, "CE does not know 1 channel of", "agentchan reload"),
        (
            "channels",
            {"stuck": 1, "stuck_names": ["ivr1-017"]},
            "nobody here knows: ivr1-017",
            "free ivr1-017 --reason",
        ),
        ("channels", {"stuck": 3, "stuck_names": ["a", "b"]}, "knows: a, b and others", "agentchan channels --stuck"),
        ("channels", {"stuck": 2, "stuck_names": None}, "2 channels stuck", "agentchan channels --stuck"),
        ("signals", {"refused": 1}, "CE has refused 1 call signal", "--fate refused"),
        ("signals", {"expired": 2}, "2 call signals expired before", "--fate expired"),
    ],
)
def test_each_problem_says_what_to_do(section: str, fields: dict[str, Any], words: str, remedy: str) -> None:
    """In the words of the cause, where one is given."""
    (problem,) = changed(section, **fields)
    assert words in problem["text"]
    assert remedy in problem["remedy"]


def test_since_comes_from_where_it_is_known() -> None:
    """Verdict, agent channel, IVR and journal say since when; a count does not."""
    assert changed("ce", verdict="ambiguous", since="a")[0]["since"] == "a"
    assert changed("agent_channel", state="dialing", since="b")[0]["since"] == "b"
    assert changed("ivr_health", up=False, since="c")[0]["since"] == "c"
    assert changed("journal", state="failing", since="d")[0]["since"] == "d"
    assert changed("signals", refused=1)[0]["since"] is None


def test_a_dead_link_explains_a_dead_channel() -> None:
    """While no host answers or none is active, that the agent channel is down is no second problem."""
    status = copy.deepcopy(STATUS)
    status["agent_channel"]["state"] = "down"
    for verdict in ("unknown", "none-active"):
        status["ce"]["verdict"] = verdict
        assert len(problems(status)) == 1


def test_alarms() -> None:
    """Each is told in its own words, with the remedy it brings, or the known one; an unknown kind as well."""
    status = copy.deepcopy(STATUS)
    status["alarms"] = [
        {"code": "mark-fallen", "text": "hosts of generation 3", "since": "t"},
        {"code": "new-kind", "text": "something", "since": None},
        {"code": "own", "text": "x", "since": None, "remedy": "do this"},
        {"code": "channel-unknown", "text": "ce1 does not know ivr1-118", "since": None},
        {},
    ]
    found = {problem["code"]: problem for problem in problems(status)}
    assert found["mark-fallen"]["since"] == "t"
    assert found["new-kind"]["remedy"] == "agentchan events"
    assert found["own"]["remedy"] == "do this"
    assert "channel-unknown" not in found
    status["channels"]["unknown_to_ce"] = 1
    (unknown,) = [problem for problem in problems(status) if problem["code"] == "channel-unknown"]
    assert unknown["text"] == "ce1 does not know ivr1-118"


@given(st.sampled_from(sorted(SCENES)), st.lists(st.sampled_from(ALL_NAMES), max_size=12))
def test_missing_fields_are_no_error(scene: str, keys: list[str]) -> None:
    """An older daemon says less."""
    for problem in problems(without(SCENES[scene](), keys)):
        assert problem["text"]
