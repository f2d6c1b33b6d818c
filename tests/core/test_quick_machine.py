"""The agent channel's machine does with a table of its transitions what Automat does by searching."""

from __future__ import annotations

import pytest
from automat import NoTransition

from agentchan.core import life


def test_every_transition_is_the_same() -> None:
    """Each state and input leads where the builder was told."""
    searched = life.builder._automaton
    table = life.make_life.__automat_automaton__
    assert table.initialState is searched.initialState
    for state, symbol, following, outputs in searched.allTransitions():
        assert table.outputForInput(state, symbol) == (following, outputs)


def test_what_is_not_declared_is_an_error() -> None:
    """As with Automat itself: an input that a state does not declare is a fault of ours."""
    table = life.make_life.__automat_automaton__
    with pytest.raises(NoTransition):
        table.outputForInput(life.down, "replied")
