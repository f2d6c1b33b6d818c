"""What seeds have found, each as a small test of its own."""

from __future__ import annotations

from agentchan.core.backoff import Backoff
from agentchan.core.channel import Wish
from agentchan.core.channels import Channels
from agentchan.core.session import Session
from agentchan.core.session_values import Abilities, Abort, Send, SignOffDone, Target, Timings
from agentchan.vocabulary import Heartbeat, Meaning, OpenSession, Reply, Role


def signed_on() -> tuple[Session, float]:
    """A session that is up, with a heartbeat out, and the time."""
    session = Session(
        ivr="ivr1",
        instance_id="here",
        channels=Channels((), Wish(ready=True), 0.0),
        timings=Timings(backoff=Backoff(0.1, 5.0)),
        abilities=Abilities(),
        jitter=lambda _low, high: high,
    )
    session.follow(Target("ce1", ("http://ce1/a",), 6), 0.0)
    session.connected(1, 0.0)
    opened = Reply(Meaning.CONFIRMED, session_id="one", server_name="ce1", generation=6, role=Role.ACTIVE)
    session.replied(1, opened, 0.0)
    now = 0.0
    while True:
        now = session.deadline()
        if any(isinstance(action, Send) and isinstance(action.request, Heartbeat) for action in session.tick(now)):
            return session, now


def test_a_session_that_was_taken_is_not_asked_for_before_all_have_heard_of_it() -> None:
    """With a session goes its connector's word: whoever hears of it may find that its host is not to be followed."""
    session, now = signed_on()
    actions = session.replied(1, Reply(Meaning.UNKNOWN_SESSION), now)
    assert any(isinstance(action, SignOffDone) for action in actions)
    assert not any(isinstance(action, Send) for action in actions)
    assert session.deadline() <= now
    assert session.follow(None, now) == [Abort(1)]


def test_a_session_that_was_taken_is_asked_for_at_once_where_its_host_is_still_followed() -> None:
    """No time is lost by that."""
    session, now = signed_on()
    session.replied(1, Reply(Meaning.UNKNOWN_SESSION), now)
    assert session.tick(now) == [Send(1, OpenSession("ivr1", "here", ()))]
