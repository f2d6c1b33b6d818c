"""What people may see of the agent channel's life in each state, and when time matters next."""

from __future__ import annotations

from math import inf

from agentchan.core.conversation import Conversation
from agentchan.core.life_parts import Asking, Core, Leaving, Life, Pause
from agentchan.core.session_values import Shown, State


def show_down(_life: Life, core: Core, now: float) -> Shown:
    """Down, and until when."""
    target = core.target
    if target is None:
        return Shown(State.DOWN, error=core.error)
    if not target.connectors:
        return Shown(State.DOWN, host=target.host, error=f"no address of {target.host}'s IVR Connector is known")
    return Shown(State.DOWN, host=target.host, retry_at=core.attempts.next_at(target), error=core.error)


def show_stopped(_life: Life, core: Core, now: float) -> Shown:
    """Down for good."""
    return Shown(State.DOWN, error=core.error)


def show_dialing(_life: Life, core: Core, now: float) -> Shown:
    """Whom we dial."""
    return Shown(State.DIALING, host=core.trying.host, url=core.url, error=core.error)


def show_signing_on(_life: Life, core: Core, asking: Asking, now: float) -> Shown:
    """Whom we ask; a state in which we ask again and again is shown all the time."""
    return Shown(asking.shown, host=core.trying.host, url=core.url, heard_at=core.heard_at, error=core.error)


def show_pausing(_life: Life, core: Core, pause: Pause, now: float) -> Shown:
    """Whom we ask again, and when."""
    host = core.trying.host
    return Shown(pause.shown, host=host, url=core.url, heard_at=core.heard_at, retry_at=pause.until, error=core.error)


def show_signed_on(_life: Life, core: Core, conversation: Conversation, now: float) -> Shown:
    """Up, unless heartbeats are missed or CE has not been told everything yet."""
    state = State.RESTORING if conversation.restored_at is None else State.UP
    return Shown(
        State.SUSPECT if conversation.pulse.misses(now) else state,
        host=conversation.host,
        url=core.url,
        generation=conversation.generation,
        session_id=conversation.session_id,
        heard_at=core.heard_at,
        error=core.error,
    )


def show_signing_off(_life: Life, core: Core, leaving: Leaving, now: float) -> Shown:
    """Whom we take leave of."""
    return Shown(State.SIGNING_OFF, host=leaving.conversation.host, url=core.url, heard_at=core.heard_at)


def next_attempt(_life: Life, core: Core, now: float) -> float:
    """When to dial."""
    return core.attempts.next_at(core.target) if core.target is not None and core.target.connectors else inf


def answer_due(_life: Life, _core: Core, asking: Asking, now: float) -> float:
    """When the answer to OpenSession is overdue."""
    return asking.deadline


def asking_due(_life: Life, _core: Core, pause: Pause, now: float) -> float:
    """When to ask again."""
    return pause.until


def saying_due(_life: Life, _core: Core, conversation: Conversation, now: float) -> float:
    """When something is to be said, or a silence counts."""
    return conversation.deadline(now)


def leaving_due(_life: Life, _core: Core, leaving: Leaving, now: float) -> float:
    """When waiting for the last replies ends."""
    return leaving.deadline
