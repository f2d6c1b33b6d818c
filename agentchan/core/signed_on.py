"""What happens on an open session, and how it ends."""

from __future__ import annotations

from agentchan.core.backoff import Backoff
from agentchan.core.conversation import Ask, Conversation, Turn
from agentchan.core.life_parts import Core, Leaving, Life, Pause
from agentchan.core.session_values import Heard, Loss, Note, Probe, Rediscover, Restored, SignOffDone, State, Step
from agentchan.core.sign_on import came_to_nothing, next_in_line, not_active
from agentchan.vocabulary import CloseSession, Heartbeat, Reply, Role

SOON = 60.0
"""Seconds: a session that is taken from us within this time was taken by somebody who wants it, too."""

CONTENDED_AFTER = 3
"""So many sessions taken from us soon, in a row, are no accident."""

CONTENDED = Backoff(1.0, 30.0)
"""The pauses between sign-ons while contended."""


def over(core: Core, conversation: Conversation, now: float, cause: str) -> None:
    """The session has ended, whoever ended it."""
    core.channels.signed_off(now)
    core.error = cause
    if now - conversation.began_at >= core.timings.backoff.maximum:
        core.attempts.lasted(core.trying)
    core.act(SignOffDone(conversation.host, cause))


def lost(life: Life, core: Core, conversation: Conversation, now: float, loss: Loss) -> None:
    """The connection, or an exchange on it, is lost: whatever was out may or may not have been applied."""
    over(core, conversation, now, loss.reason)
    came_to_nothing(core, loss)
    retreat(life, core, conversation, now)


def retreat(life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """Go on to the next connector in line; where the line decides who is active, and it had, begin it again at once."""
    if core.trying.host is None and now - conversation.began_at >= core.timings.backoff.maximum:
        life.rest(now)
    else:
        next_in_line(life, core, now)


def moved(life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """Somebody else is to be followed now, or nobody: the old connection goes first."""
    target = core.target
    core.taken = 0
    core.abort()
    if target is None:
        over(core, conversation, now, f"{conversation.host} is not the active host any more")
    else:
        over(core, conversation, now, f"{target.host} is the active host now")
    life.rest(now)


def anew(life: Life, core: Core, conversation: Conversation, now: float, cause: str) -> None:
    """The session is over, but its host is active: open another on the same connection."""
    over(core, conversation, now, cause)
    life.pause(now, Pause(State.SIGNING_ON, now))


def taken(life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """CE does not know our session any more, though the connection is open: ask anew, unless others keep taking it."""
    core.taken = core.taken + 1 if now - conversation.began_at < SOON else 1
    core.act(Rediscover())
    if core.taken < CONTENDED_AFTER:
        anew(life, core, conversation, now, f"{conversation.host} does not know our session any more")
        return
    text = (
        f"another daemon with instance_id {core.instance_id} keeps replacing us at {conversation.host}; "
        "give each its own [ivr] instance_id"
    )
    over(core, conversation, now, text)
    core.act(Note("contended", text, alarm=True))
    delay = CONTENDED.delay(core.taken - CONTENDED_AFTER + 1, core.jitter)
    life.pause(now, Pause(State.CONTENDED, now + delay))


def answered(life: Life, core: Core, conversation: Conversation, now: float, reply: Reply) -> None:
    """Take the reply to the request in flight."""
    asked = conversation.in_flight
    core.heard_at = now
    turn = conversation.replied(reply, now)
    core.act(*conversation.notes)
    conversation.notes.clear()
    if asked is not None and isinstance(asked.request, Heartbeat) and reply.good and reply.role is not Role.STANDBY:
        core.act(Heard(core.url, conversation.host, active=True, generation=reply.generation, asked_at=asked.sent_at))
    match turn:
        case Turn.NOT_ACTIVE:
            core.taken = 0
            not_active(core, reply, asked.sent_at if asked else now)
            over(core, conversation, now, core.error or "not active")
            retreat(life, core, conversation, now)
        case Turn.NEW_GENERATION:
            core.taken = 0
            anew(life, core, conversation, now, f"{conversation.host} is active in generation {reply.generation} now")
        case Turn.ANEW:
            anew(life, core, conversation, now, f"{conversation.host} has opened another session")
        case Turn.LOST:
            taken(life, core, conversation, now)
        case Turn.ON:
            say_next(core, conversation, now)


def say_next(core: Core, conversation: Conversation, now: float) -> None:
    """Send what is to be said next, if anything is and nothing is out."""
    before = conversation.restored_at
    request = conversation.next_request(now)
    if before is None and conversation.restored_at is not None:
        core.act(Restored(conversation.host))
    if isinstance(request, Ask):
        core.act(*([Probe(core.connection)] if core.connection is not None else []))
    elif request is not None:
        core.send(request)


def watch(life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """Time has come: a dead connection ends, a living one is talked on."""
    dead = conversation.dead(now)
    if dead is None:
        if conversation.misses(now):
            core.act(Rediscover())
        say_next(core, conversation, now)
        return
    step = conversation.in_flight.step if conversation.in_flight else None
    lost(life, core, conversation, now, Loss(f"{conversation.host}: {dead}", step))


def followed(life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """Compare the session with whom the topology wants followed."""
    target = core.target
    if target is None or (target.host is not None and target.host != conversation.host):
        moved(life, core, conversation, now)
        return
    if core.url in target.connectors:
        core.index, core.trying = target.connectors.index(core.url), target
    known = conversation.generation
    if target.generation is None or known is None or target.generation <= known:
        return
    cause = f"{conversation.host} is active in generation {target.generation} now"
    if conversation.in_flight is None:
        anew(life, core, conversation, now, cause)
    else:
        # What is out was meant for the old session; its answer would only say so.
        core.abort()
        over(core, conversation, now, cause)
        life.rest(now)


def sign_off(life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """Sign off, once the reply that is out has come."""
    waiting = conversation.in_flight
    if waiting is not None:
        life.finish(now, Leaving(conversation, waiting.deadline or now + core.timings.reply))
    else:
        life.finish(now, Leaving(conversation, now))


def close(life: Life, core: Core, leaving: Leaving, now: float) -> None:
    """Nothing is out any more: say goodbye, where the profile can."""
    if not core.abilities.close_session:
        core.abort()
        life.end(now)
        return
    core.send(CloseSession(leaving.conversation.session_id, "stopping"))
    life.leave(now, Leaving(leaving.conversation, now + core.patience(core.timings.reply, Step.SIGN_OFF)))
