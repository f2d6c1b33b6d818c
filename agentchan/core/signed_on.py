"""What happens on an open session, and how it ends."""

from __future__ import annotations

from agentchan.core.backoff import Backoff
from agentchan.core.conversation import Conversation, Turn
from agentchan.core.life_parts import Core, Leaving, Life, Pause
from agentchan.core.pulse import Ask
from agentchan.core.session_values import Loss, Note, Probe, Rediscover, Restored, SignOffDone, State
from agentchan.core.sign_on import came_to_nothing, leave, next_in_line, not_active
from agentchan.vocabulary import Heartbeat, Reply, Role

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
    if _lasted(core, conversation, now):
        core.attempts.lasted(core.trying)
    silent = conversation.pulse.dead(now) is not None or conversation.pulse.misses(now) > 0
    core.act(SignOffDone(conversation.host, cause, silent))


def lost(life: Life, core: Core, conversation: Conversation, now: float, loss: Loss) -> None:
    """The connection, or an exchange on it, is lost: whatever was out may or may not have been applied."""
    over(core, conversation, now, loss.reason)
    came_to_nothing(core, loss)
    retreat(life, core, conversation, now)


def retreat(life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """Go on to the next connector in line; after a session that has lasted, every other one has its turn again."""
    if _lasted(core, conversation, now):
        core.left = len(core.trying.connectors) - 1
    next_in_line(life, core, now)


def _lasted(core: Core, conversation: Conversation, now: float) -> bool:
    return now - conversation.began_at >= core.timings.backoff.maximum


def moved(life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """Somebody else is to be followed now, or nobody: the old connection goes first."""
    target = core.target
    core.abort()
    if target is None:
        over(core, conversation, now, f"{conversation.host} is not the active host any more")
    else:
        over(core, conversation, now, f"{target.host or 'another host'} is to be followed now")
    life.rest(now)


def anew(life: Life, core: Core, conversation: Conversation, now: float, cause: str) -> None:
    """The session is over, but its host is active: open another on the same connection."""
    over(core, conversation, now, cause)
    if core.abilities.open_session:
        life.pause(now, Pause(State.SIGNING_ON, now))
    else:
        # The connection itself is the agent channel (profile.md, Rules), so another one is the way to begin anew.
        core.abort()
        life.rest(now)


def taken(life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """CE does not know our session any more, though the connection is open: ask anew, unless others keep taking it."""
    core.taken = core.taken + 1 if now - conversation.began_at < SOON else 1
    core.act(Rediscover())
    if not core.abilities.open_session:
        core.abort()
        over(core, conversation, now, f"{conversation.host} does not know us any more")
        retreat(life, core, conversation, now)
        return
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
    asked = conversation.pulse.in_flight
    core.heard_at = now
    turn = conversation.replied(reply, now)
    asked_at = asked.sent_at if asked is not None else now
    if asked is not None and isinstance(asked.request, Heartbeat) and reply.good and reply.role is not Role.STANDBY:
        core.is_active(conversation.host, reply.generation, asked_at)
    match turn:
        case Turn.NOT_ACTIVE:
            over(core, conversation, now, not_active(core, reply, asked_at))
            retreat(life, core, conversation, now)
        case Turn.NEW_GENERATION:
            anew(life, core, conversation, now, f"{conversation.host} is active in generation {reply.generation} now")
        case Turn.ANEW:
            anew(life, core, conversation, now, f"{conversation.host} has opened another session")
        case Turn.LOST:
            taken(life, core, conversation, now)
        case _:
            say_next(core, conversation, now)


def say_next(core: Core, conversation: Conversation, now: float) -> None:
    """Tell what there is to tell, and send what is to be said next, if anything is and nothing is out."""
    before = conversation.restored_at
    request = conversation.next_request(now)
    core.act(*conversation.news)
    conversation.news.clear()
    if before is None and conversation.restored_at is not None:
        core.act(Restored(conversation.host))
    if isinstance(request, Ask):
        core.act(Probe(core.connection))
    elif request is not None:
        core.send(request)


def heard(_life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """Any bytes from CE count as life."""
    core.heard_at = now
    conversation.pulse.heard(now)


def probed(_life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """The probe that stands for a heartbeat was answered: by a connector that is in line, that it accepts still."""
    asked = conversation.pulse.in_flight
    core.heard_at = now
    conversation.pulse.probed(now)
    if core.trying.host is None and asked is not None and isinstance(asked.request, Ask):
        core.is_active(conversation.host, None, asked.sent_at)
    say_next(core, conversation, now)


def denied(life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """The host has answered a call signal that it is not active, which means the same as on the session."""
    cause = leave(core)
    core.act(Rediscover())
    over(core, conversation, now, cause)
    retreat(life, core, conversation, now)


def retimed(_life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """The open session uses the new durations."""
    conversation.retimed(core.timings, now)


def watch(life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """Time has come: a dead connection ends, a living one is talked on."""
    slept = conversation.pulse.overslept(now)
    dead = conversation.pulse.dead(now)
    if dead is None:
        if slept or conversation.pulse.misses(now):
            core.act(Rediscover())
        say_next(core, conversation, now)
        return
    step = conversation.pulse.in_flight.step if conversation.pulse.in_flight else None
    lost(life, core, conversation, now, Loss(f"{conversation.host}: {dead}", step))


def followed(life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """Compare the session with whom the topology wants followed."""
    target = core.target
    if target is None or (target.host != conversation.host if target.host is not None else core.elsewhere()):
        moved(life, core, conversation, now)
        return
    core.retarget()
    # A host that was asked when it was known to be active in a generation is not asked again for that generation,
    # whatever number its reply carried.
    known = max((each for each in (conversation.generation, conversation.meant) if each is not None), default=None)
    if target.generation is None or known is None or target.generation <= known:
        return
    cause = f"{conversation.host} is active in generation {target.generation} now"
    if conversation.pulse.in_flight is None and core.trying is target:
        anew(life, core, conversation, now, cause)
    else:
        # What is out was meant for the old session, and its answer would only say so; or the connector has moved.
        core.abort()
        over(core, conversation, now, cause)
        life.rest(now)


def sign_off(life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """Sign off, once the reply that is out has come."""
    waiting = conversation.pulse.in_flight
    deadline = now if waiting is None else now + core.timings.reply
    life.finish(now, Leaving(conversation, deadline))
