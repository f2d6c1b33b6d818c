"""Where call signals go."""

from __future__ import annotations

import pytest

from agentchan.core.session_values import Shown, State, Target
from agentchan.core.signal_route import SignalRoute, signal_route

ONE = Target("ce1", ("a",), 7)
SEVERAL = Target("ce1", ("a", "b"), 7)
LINE = Target(None, ("a", "b"))


@pytest.mark.parametrize(
    "state", [State.RESTORING, State.UP, State.SUSPECT, State.STANDING_BY, State.CONTENDED, State.SIGNING_OFF]
)
@pytest.mark.parametrize("target", [ONE, SEVERAL, LINE])
def test_where_somebody_has_answered_as_the_active_host(state: State, target: Target) -> None:
    """Signals go where the agent channel is, or asks again."""
    assert signal_route(target, Shown(state, host="ce1", url="b")) == SignalRoute("b", "ce1")


def test_a_host_without_a_name() -> None:
    """Its address stands for it."""
    assert signal_route(LINE, Shown(State.STANDING_BY, url="b")) == SignalRoute("b", "b")


@pytest.mark.parametrize("state", [State.DOWN, State.DIALING, State.SIGNING_ON])
def test_while_the_sign_on_takes_its_time(state: State) -> None:
    """The host's own word names its one connector; of several nobody knows which is the active host's."""
    assert signal_route(ONE, Shown(state, host="ce1", url="a")) == SignalRoute("a", "ce1")
    assert signal_route(SEVERAL, Shown(state, host="ce1", url="a")) is None
    assert signal_route(LINE, Shown(state, url="a")) is None


def test_never_to_a_host_that_is_not_followed() -> None:
    """Nobody is active, or somebody else is."""
    assert signal_route(None, Shown(State.UP, host="ce1", url="a")) is None
    assert signal_route(SEVERAL, Shown(State.UP, host="ce2", url="x")) is None
    assert signal_route(ONE, Shown(State.UP, host="ce2", url="x")) == SignalRoute("a", "ce1")
    assert signal_route(ONE, Shown(State.UP, host="ce1")) == SignalRoute("a", "ce1")
