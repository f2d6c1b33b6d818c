"""Where CE and we do not agree on a channel's call."""

from __future__ import annotations

import pytest

from agentchan.core.calls import Call
from agentchan.core.outbox_values import Entry
from agentchan.core.repair import Difference, difference
from agentchan.vocabulary import ChannelReport, ChannelState, Fate
from tests.core.signals import gone, new_call

OPEN_TOLD = Call("c1", "1", 0.0, new_call_fate=Fate.CONFIRMED)
OPEN_UNTOLD = Call("c1", "1", 0.0, new_call_fate=Fate.PENDING)


@pytest.mark.parametrize("state", [ChannelState.BUSY, ChannelState.WRAPUP])
@pytest.mark.parametrize(
    ("held", "open_call", "pending", "found"),
    [
        ("1", OPEN_TOLD, [], Difference.NONE),
        ("1", OPEN_UNTOLD, [], Difference.NONE),
        ("1", None, [gone("1")], Difference.NONE),
        ("1", None, [], Difference.HOLDS_ANOTHER),
        ("9", OPEN_TOLD, [], Difference.HOLDS_ANOTHER),
        ("9", OPEN_UNTOLD, [new_call("1")], Difference.HOLDS_ANOTHER),
        (None, None, [], Difference.NONE),
    ],
)
def test_ce_holds_a_call(
    state: ChannelState, held: str | None, open_call: Call | None, pending: list[Entry], found: Difference
) -> None:
    """It is known here, open or with a signal pending; or it is another one."""
    assert difference(ChannelReport("c1", state, held), open_call, pending) is found


@pytest.mark.parametrize("state", [ChannelState.READY, ChannelState.NOT_READY])
@pytest.mark.parametrize(
    ("open_call", "pending", "found"),
    [
        (None, [], Difference.NONE),
        (OPEN_UNTOLD, [], Difference.NONE),
        (OPEN_TOLD, [gone("1")], Difference.NONE),
        (OPEN_TOLD, [], Difference.HOLDS_NONE),
    ],
)
def test_ce_holds_none(state: ChannelState, open_call: Call | None, pending: list[Entry], found: Difference) -> None:
    """A call in progress that CE had confirmed and does not hold is missing there; what is pending settles itself."""
    assert difference(ChannelReport("c1", state), open_call, pending) is found


def test_an_unknown_state_says_nothing() -> None:
    """A profile that cannot tell is not contradicted."""
    assert difference(ChannelReport("c1", ChannelState.UNKNOWN), OPEN_TOLD, []) is Difference.NONE
