"""What the session shows of its states' times."""

from __future__ import annotations

from agentchan.core.channel import Wish
from agentchan.core.channels import Channels
from agentchan.core.session import Session
from agentchan.core.session_values import Abilities, Loss, State, Target, Timings


def test_since_when_a_state_is() -> None:
    """The first since the program began; any other since it, or its host, has changed."""
    session = Session(
        ivr="ivr1",
        instance_id="here",
        channels=Channels(["c1"], Wish(ready=True), 50.0),
        timings=Timings(),
        abilities=Abilities(),
        jitter=lambda _low, high: high,
        began_at=50.0,
    )
    assert (session.shown().state, session.shown().since) == (State.DOWN, 50.0)
    session.follow(None, 51.0)
    assert session.shown().since == 50.0
    session.follow(Target("ce1", ("a",)), 52.0)
    assert (session.shown().state, session.shown().since) == (State.DIALING, 52.0)
    session.follow(Target("ce2", ("b",)), 53.0)
    assert (session.shown().state, session.shown().since) == (State.DIALING, 53.0)
    session.failed(2, Loss("refused"), 54.0)
    session.tick(54.05)
    assert (session.shown().state, session.shown().since) == (State.DOWN, 54.0)
