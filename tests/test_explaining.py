"""Why a channel is in its state: every state has a cause and a remedy, and what is said is true."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from attrs import evolve, fields

from agentchan.core.calls import Call
from agentchan.core.channel import Channel
from agentchan.core.outbox_values import Entry
from agentchan.core.readiness import ByHand, Readiness
from agentchan.core.session_values import IN_SESSION, Shown, State
from agentchan.core.verdict import Kind, Verdict
from agentchan.explaining import Surroundings, explain
from agentchan.journal.health import Health
from agentchan.journal.health import State as JournalState
from agentchan.status import Moment
from agentchan.vocabulary import ChannelState, Gone
from agentchan.wishes import Drain

AT = datetime(2026, 11, 24, 13, 5, tzinfo=UTC)
MOMENT = Moment(monotonic=1000.0, wall=AT.timestamp())
CALL = "call-1"
GONE = Gone("s-1", "ivr1", "c1", CALL, AT)
DRAIN = Drain(since=400.0, reason="new kernel", until=float("inf"), who="anna")
BY_HAND = ByHand("noise on the line", until=1900.0, who="berta")
FAILING = Health(JournalState.FAILING, AT, "no space left on the disk")

DRAINS = {
    "none": (None, False),
    "drained": (DRAIN, True),
    "stopping": (None, True),
}
SHOWN = {state: Shown(state, since=900.0, host="ce1", error="it said so") for state in State}
VERDICTS = {
    "following": Verdict(Kind.FOLLOWING, "ce1", 7, reason="it says it is active"),
    "pinned": Verdict(Kind.PINNED, "ce1", 7, reason="pinned by hand (a drill)"),
    "pinned in vain": Verdict(Kind.PINNED, reason="pinned by hand (a drill), but ce1 says it is not active"),
    "none": Verdict(Kind.NONE_ACTIVE, reason="hosts answer, but none says that it is active"),
    "two": Verdict(Kind.AMBIGUOUS, reason="ce1 and ce2 both claim to be active"),
    "two, staying": Verdict(Kind.AMBIGUOUS, "ce1", 7, reason="both claim it; staying with ce1"),
    "nobody": Verdict(Kind.UNKNOWN, reason="no host answers (http://ce1: refused)"),
}
CALLS: dict[str, dict[str, Any]] = {
    "none": {},
    "stuck": {"stuck": True},
    "refused": {"refused": Entry(GONE, 100.0, last_error="InvalidRequest: no such outcome")},
    "its Gone waits": {"pending": (Entry(GONE, 950.0, last_error="no reply within 2 s"),)},
    "open": {"open_call": Call("c1", CALL, since=700.0)},
}

VERDICT_REMEDIES = {
    "pinned": "agentchan unfollow",
    "pinned in vain": "agentchan unfollow",
    "two": "agentchan follow HOST",
    "two, staying": "agentchan follow HOST",
    "nobody": "agentchan doctor",
}


def channel(reported: ChannelState | None, **more: Any) -> Channel:
    """A channel; None: CE does not know it."""
    state = reported or ChannelState.UNKNOWN
    call_id = CALL if state.in_call else None
    return Channel("c1", more.pop("wish"), None, state, call_id, 800.0, unknown_to_ce=reported is None, **more)


def combinations(reported: ChannelState | None) -> Iterator[tuple[Channel, Surroundings, dict[str, str]]]:
    """Every combination around a channel, with the names of its parts."""
    calls = CALLS if reported is not None and reported.in_call else {name: CALLS[name] for name in ("none", "open")}
    calls = {**calls, "its Gone waits": CALLS["its Gone waits"]}
    for drain, ivr_down, by_hand, shown, verdict, call, (journal, again) in product(
        DRAINS, (False, True), (False, True), State, VERDICTS, calls, ((None, 1005.0), (FAILING, None))
    ):
        found, stopping = DRAINS[drain]
        readiness = Readiness({"c1": BY_HAND} if by_hand else {}, draining=stopping, ivr_down=ivr_down)
        around = Surroundings(
            verdict=VERDICTS[verdict],
            shown=SHOWN[shown],
            readiness=readiness,
            drain=found,
            journal=journal,
            ivr_error="connection refused",
            **calls[call],
        )
        names = {"drain": drain, "verdict": verdict, "call": call, "shown": shown.value}
        held_back = bool(around.pending)
        yield channel(reported, wish=readiness.wish("c1"), held_back=held_back, told_again_at=again), around, names


def words(explanation: dict[str, Any]) -> tuple[str, str]:
    """All causes, and all remedies."""
    causes = "\n".join(cause["text"] for cause in explanation["causes"])
    return causes, "\n".join(f"{each['text']}: {each['command']}" for each in explanation["remedies"])


def is_well(one: Channel, around: Surroundings, state: State) -> bool:
    """Whether there is nothing that anybody could want to be otherwise."""
    return (
        state is State.UP
        and around.verdict.kind is Kind.FOLLOWING
        and around.journal is None
        and one.wish.ready
        and one.reported is ChannelState.READY
        and not around.pending
    )


def wrong(one: Channel, around: Surroundings, names: dict[str, str]) -> list[str]:
    """What is not true of an explanation, or not told by it."""
    explanation = explain(one, {"channel": "c1"}, around, MOMENT)
    causes, remedies = words(explanation)
    state = around.shown.state if around.shown is not None else State.DOWN
    draining, stopping = names["drain"] == "drained", names["drain"] == "stopping"
    claims = {
        "a headline about the channel": explanation["headline"].startswith(("c1 ", "What CE believes of c1 ")),
        "a headline that is a sentence": explanation["headline"].endswith("."),
        "a cause": bool(explanation["causes"]) and all(each["text"] for each in explanation["causes"]),
        "a remedy": bool(explanation["remedies"]) and all(each["text"] for each in explanation["remedies"]),
        "something to be done where not all is well": ("nothing is to be done: " not in remedies)
        or is_well(one, around, state),
        "no remedy twice": len(set(remedies.splitlines())) == len(remedies.splitlines()),
        "the verdict": VERDICTS[names["verdict"]].reason in causes,
        "the verdict's remedy": VERDICT_REMEDIES.get(names["verdict"], "") in remedies,
        "the agent channel": (state is State.UP) == ("the agent channel is up" in causes),
        "its error": state is State.UP or "it said so" in causes,
        "contended": (state is State.CONTENDED) == ("instance_id and restart" in remedies),
        "standing by": (state is State.STANDING_BY) == ("takes over when the other ends" in remedies),
        "the journal": (around.journal is not None) == ("no space left" in causes) == ("[journal] path" in remedies),
    }
    if one.unknown_to_ce:
        claims["what to compare"] = "no channel of that name" in causes and "agentchan reload" in remedies
        return [claim for claim, holds in claims.items() if not holds]
    settled = one.reported is not ChannelState.READY
    claims |= {
        "the drain": draining == ("new kernel" in causes) == ("agentchan resume" in remedies),
        "the stopping": stopping == ("the daemon is stopping, so" in causes),
        "the IVR": around.readiness.ivr_down == ("connection refused" in causes) == ("mend the IVR" in remedies),
        "the hand": ("c1" in around.readiness.by_hand)
        == ("noise on the line; it ends by itself in 15 min" in causes)
        == ("agentchan ready c1" in remedies),
        "the wish": one.wish.ready == ("nobody took it out" in causes),
        "signals that wait": bool(around.pending) == ("waits for CE's confirmation" in causes),
        "stuck": (around.stuck and one.reported.in_call) == ("nobody here knows that call" in causes),
        "free": "agentchan free c1" in remedies
        if one.reported.in_call and (around.stuck or around.refused)
        else "agentchan free c1" not in remedies or names["call"] == "none",
        "refused": (names["call"] == "refused") == ("InvalidRequest: no such outcome" in causes),
        "a call in progress": not (names["call"] == "open" and one.reported.in_call) or "agentchan gone c1" in remedies,
        "not known": one.reported is not ChannelState.UNKNOWN or "is not known" in explanation["headline"],
        "stubborn": settled or one.wish.ready or ("told again in 5 s" in causes) == (one.told_again_at is not None),
        "the doctor": state not in (State.DOWN, State.DIALING, State.SIGNING_ON)
        or around.verdict.host is None
        or "agentchan doctor" in remedies,
    }
    return [claim for claim, holds in claims.items() if not holds]


@pytest.mark.parametrize(
    "reported", [*ChannelState, None], ids=lambda each: "unknown-to-ce" if each is None else each.value
)
def test_every_state_has_a_cause_and_a_remedy(reported: ChannelState | None) -> None:
    """Whatever comes together: they are there, and they are those of this state and no other."""
    for one, around, names in combinations(reported):
        found = wrong(one, around, names)
        assert not found, f"{found} of {one} in {names}: {explain(one, {}, around, MOMENT)}"


VARIED: dict[type, set[str]] = {
    Surroundings: {
        *("verdict", "shown", "readiness", "drain", "pending", "open_call", "stuck", "refused", "journal", "ivr_error"),
        *("tells_readiness", "withheld"),
    },
    Readiness: {"by_hand", "draining", "ivr_down"},
    Channel: {
        *("name", "wish", "reported", "call_id", "since", "unknown_to_ce", "held_back", "told_again_at"),
        # What was said to CE, and whether it is asked next, show in nothing but what it reports then.
        *("said", "asked_for", "tried_again", "not_taken"),
    },
}


@pytest.mark.parametrize("of", VARIED, ids=lambda of: of.__name__)
def test_nothing_new_goes_unexplained(of: type[Any]) -> None:
    """Whatever a channel's state may come to depend on has to be explained, and to be combined with all else above."""
    assert {each.name for each in fields(of)} == VARIED[of]


def test_every_kind_of_verdict_and_journal_is_combined() -> None:
    """States of channels and of the agent channel are taken from their enumerations; of these each has an example."""
    assert {verdict.kind for verdict in VERDICTS.values()} == set(Kind)
    # A closed journal is one of a daemon that has ended, which nobody can ask.
    assert {FAILING.state, JournalState.OK, JournalState.CLOSED} == set(JournalState)


def around(**changes: Any) -> Surroundings:
    """All is well, but for this."""
    well = Surroundings(VERDICTS["following"], SHOWN[State.UP], Readiness())
    return evolve(well, **changes)


READY = Readiness().wish("c1")


def test_all_is_well() -> None:
    """Then there is nothing to be done, and that is said."""
    told = explain(channel(ChannelState.READY, wish=READY), {"channel": "c1"}, around(), MOMENT)
    assert told["headline"] == "c1 is Ready: CE may give it calls."
    assert told["remedies"] == [{"text": "nothing is to be done", "command": ""}]
    assert told["row"] == {"channel": "c1"}


def test_since_when_and_by_whom() -> None:
    """What is known of a cause's time and author is told as such, not in its text."""
    readiness = Readiness({"c1": BY_HAND})
    one = channel(ChannelState.NOT_READY, wish=readiness.wish("c1"))
    reported, by_hand, *_ = explain(one, {}, around(readiness=readiness), MOMENT)["causes"]
    assert (reported["since"], by_hand["who"]) == ("2026-11-24T13:01:40.000Z", "berta")


@pytest.mark.parametrize(
    ("until", "text"), [(1000.4, "in 0 s"), (1090.0, "in 2 min"), (9000.0, "in 2 h"), (9e5, "in 10 days")]
)
def test_how_long_a_wish_by_hand_still_lasts(until: float, text: str) -> None:
    """In the unit that says it best."""
    readiness = Readiness({"c1": ByHand("noise", until)})
    one = channel(ChannelState.NOT_READY, wish=readiness.wish("c1"))
    causes, _ = words(explain(one, {}, around(readiness=readiness), MOMENT))
    assert f"noise; it ends by itself {text}" in causes


def test_held_back_before_the_signal_is_there() -> None:
    """A channel whose call is being settled is not made ready, and the reason is told though no signal waits."""
    one = channel(ChannelState.NOT_READY, wish=READY, held_back=True)
    told = explain(one, {}, around(), MOMENT)
    assert told["headline"] == "c1 is NotReady until CE has been told of its calls."
    assert "a call of it is being settled with CE" in words(told)[0]


def test_a_profile_that_cannot_tell_readiness() -> None:
    """Nothing is wrong then; what the profile can is where to look."""
    told = explain(channel(ChannelState.UNKNOWN, wish=READY), {}, around(tells_readiness=False), MOMENT)
    causes, remedies = words(told)
    assert "maps no operation" in causes
    assert "agentchan profile show" in remedies


def test_a_gone_that_is_kept_back() -> None:
    """Nobody is told that it is sent again and again; what lets it go is what ends the wish."""
    readiness = Readiness({"c1": BY_HAND})
    one = channel(ChannelState.BUSY, wish=readiness.wish("c1"), held_back=True)
    waiting = (Entry(GONE, 950.0),)
    causes, remedies = words(explain(one, {}, around(readiness=readiness, pending=waiting, withheld=True), MOMENT))
    assert "the Gone of its last call is kept back" in causes
    assert "waits for CE's confirmation" not in causes
    assert "is on its way to CE" not in causes
    assert "again and again" not in remedies
    assert "agentchan ready c1" in remedies


def test_several_signals_wait() -> None:
    """Their number is told, and the first one's error."""
    waiting = (Entry(GONE, 950.0, last_error="no reply"), Entry(GONE, 960.0))
    one = channel(ChannelState.NOT_READY, wish=READY, held_back=True)
    assert (
        "2 call signals of it wait for CE's confirmation; the first was not confirmed: no reply"
        in words(explain(one, {}, around(pending=waiting), MOMENT))[0]
    )


def test_signed_on_means_that_ce_has_a_session() -> None:
    """The states in which CE can say something of a channel."""
    assert {state for state in State if around(shown=SHOWN[state]).signed_on} == set(IN_SESSION)
    assert not around(shown=None).signed_on
