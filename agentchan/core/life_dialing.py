"""What the agent channel does until a session is open: dial, ask, wait, ask again."""

from __future__ import annotations

from agentchan.core.conversation import Conversation
from agentchan.core.life_parts import Asking, Core, Life, Opened, Pause
from agentchan.core.pulse import LATE, Pulse
from agentchan.core.session_values import Dial, Loss, Rediscover, SignOn, State, Step
from agentchan.core.sign_on import answered, give_up, leave, next_in_line
from agentchan.vocabulary import Meaning, OpenSession, Reply

# The states' data.


def asking(_life: Life, core: Core, now: float, shown: State) -> Asking:
    """OpenSession goes out."""
    names = core.channels.known()
    core.channels.opening()
    core.send(OpenSession(core.ivr, core.instance_id, names))
    deadline = now + core.patience(core.timings.reply, Step.SIGN_ON)
    return Asking(names, now, core.trying.generation, deadline, shown)


def conversing(_life: Life, core: Core, now: float, opened: Opened) -> Conversation:
    """A session is open."""
    reply = opened.reply
    conversation = Conversation(
        ivr=core.ivr,
        instance_id=core.instance_id,
        host=reply.server_name or core.where,
        generation=reply.generation if reply.generation is not None else opened.meant,
        meant=opened.meant,
        session_id=reply.session_id or "",
        pulse=Pulse(core.timings, reply.session_timeout, now),
        began_at=now,
        timings=core.timings,
        abilities=core.abilities,
        channels=core.channels,
        patience=core.patience,
    )
    conversation.opened(reply.reports, opened.names, now, opened.asked_at)
    return conversation


def pausing(_life: Life, _core: Core, now: float, pause: Pause) -> Pause:
    """OpenSession is due later."""
    return pause


# What happens.


def dial(_life: Life, core: Core, now: float) -> None:
    """Dial the connector whose turn it is."""
    core.attempts.began(core.trying, now)
    core.count += 1
    core.connection = core.count
    connect = core.patience(core.timings.connect, Step.CONNECT)
    core.act(Dial(core.count, core.url, connect, core.patience(core.timings.connect, Step.TLS)))


def dial_on(life: Life, core: Core, _left: object, now: float) -> None:
    """Leave a connection that came to nothing for the next one."""
    dial(life, core, now)


def try_again(life: Life, core: Core, now: float) -> None:
    """Dial, if there is somebody to follow and its time has come."""
    if core.target is not None and core.target.connectors and now >= core.attempts.next_at(core.target):
        core.trying, core.index, core.left = core.target, 0, len(core.target.connectors) - 1
        life.dial(now)


def connected(life: Life, core: Core, now: float) -> None:
    """Ask to be signed on; without that duty the kept connection is the agent channel (profile.md, Rules)."""
    if core.abilities.open_session:
        life.ask(now, State.SIGNING_ON)
        return
    core.is_active(core.trying.host, core.trying.generation, now)
    life.converse(now, Opened(core.channels.known(), Reply(Meaning.CONFIRMED), now, core.trying.generation))


def asked(life: Life, core: Core, asking: Asking, now: float, reply: Reply) -> None:
    """Sort the answer to OpenSession."""
    core.heard_at = now
    answered(life, core, asking, now, reply)


def asked_in_vain(life: Life, core: Core, asking: Asking, now: float) -> None:
    """No answer to OpenSession within its deadline; one more chance if we were not awake ourselves (F16)."""
    if now < asking.deadline:
        return
    if now - asking.deadline > LATE and not asking.excused:
        asking.excused = True
        asking.deadline = now + core.timings.heartbeat
        core.act(Rediscover())
        return
    waited = now - asking.sent_at
    give_up(life, core, now, Loss(f"{core.url}: no reply to OpenSession within {waited:.1f} s", Step.SIGN_ON))


def ask_again(life: Life, _core: Core, pause: Pause, now: float) -> None:
    """Ask again on the same connection."""
    if not pause.told:
        pause.told = True
    elif now >= pause.until:
        life.ask(now, pause.shown)


def signed(_life: Life, core: Core, now: float, opened: Opened) -> None:
    """Signed on: tell, before anything is said on the session."""
    reply = opened.reply
    generation = reply.generation if reply.generation is not None else opened.meant
    if generation != core.generation:
        # Whatever was taken from us in the old generation went with it.
        core.generation, core.taken = generation, 0
    core.error = None
    core.heard_at = now
    core.pauses = 0
    core.act(SignOn(reply.server_name or core.where, generation, core.connection, reply))


def failed(life: Life, core: Core, now: float, loss: Loss) -> None:
    """The attempt failed, or the connection is lost before a session was open."""
    give_up(life, core, now, loss)


def denied(life: Life, core: Core, now: float) -> None:
    """The host whose turn it is has said elsewhere that it is not active."""
    leave(core)
    core.act(Rediscover())
    next_in_line(life, core, now)


def follow_another(life: Life, core: Core, now: float) -> None:
    """Leave at once whoever is not to be followed any more."""
    if core.elsewhere():
        core.abort()
        core.pauses = 0
        life.rest(now)
    else:
        core.retarget()


def follow_from_pause(life: Life, core: Core, pause: Pause, now: float) -> None:
    """In another generation nobody is signed on yet: ask at once (contract, Details)."""
    before = core.trying.generation
    follow_another(life, core, now)
    after = core.trying.generation
    if core.connection and None not in (before, after) and before != after:
        core.pauses = 0
        life.ask(now, pause.shown)


def heard(_life: Life, core: Core, now: float) -> None:
    """A sign of life."""
    core.heard_at = now


def stray(_life: Life, core: Core, now: float) -> None:
    """An event that nothing here has asked for."""
    core.strays += 1


def stray_reply(_life: Life, core: Core, now: float, reply: Reply) -> None:
    """An answer to nothing."""
    core.strays += 1
