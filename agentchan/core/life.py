"""The agent channel's life: dial, sign on, restore, up, suspect, sign off; and again, for ever.

A typed Automat machine: each state has the data that makes sense in it and nowhere else, and an input that a state does
not declare is an error. What is decided inside a state is in :mod:`~agentchan.core.sign_on` and
:mod:`~agentchan.core.signed_on`. The states:

- *down*: nobody to be signed on to, or waiting for the next attempt;
- *dialing*;
- *signing on*: OpenSession is out;
- *signed on*: shown as restoring, up or suspect;
- *pausing*: connected, asking again later; shown as standing-by or contended;
- *finishing*: told to stop, a reply is still out; *signing off*: CloseSession is out; both shown as signing-off;
- *stopped*.
"""

from __future__ import annotations

from math import inf

from automat import TypeMachineBuilder

from agentchan.core.conversation import Conversation
from agentchan.core.life_parts import Asking, Core, Leaving, Life, Pause
from agentchan.core.session_values import Dial, Heard, Loss, Shown, SignOffDone, SignOn, State, Step, Stopped
from agentchan.core.sign_on import answered as sign_on_answered
from agentchan.core.sign_on import give_up
from agentchan.core.signed_on import answered, close, followed, lost, say_next, sign_off, watch
from agentchan.vocabulary import Meaning, OpenSession, Reply


def _asking(_life: Life, core: Core, now: float, shown: State) -> Asking:
    names = core.channels.known()
    core.send(OpenSession(core.ivr, core.instance_id, names))
    return Asking(names, now, now + core.patience(core.timings.reply, Step.SIGN_ON), shown)


def _conversing(_life: Life, core: Core, now: float, names: tuple[str, ...], reply: Reply) -> Conversation:
    core.channels.signed_on(reply.reports, names, now)
    return Conversation(
        ivr=core.ivr,
        instance_id=core.instance_id,
        host=reply.server_name or core.trying.host or core.url,
        generation=reply.generation if reply.generation is not None else core.trying.generation,
        session_id=reply.session_id or "",
        session_timeout=reply.session_timeout,
        began_at=now,
        timings=core.timings,
        abilities=core.abilities,
        channels=core.channels,
        attempts=core.attempts,
    )


def _pausing(_life: Life, _core: Core, now: float, pause: Pause) -> Pause:
    return pause


def _leaving(_life: Life, _core: Core, now: float, leaving: Leaving) -> Leaving:
    return leaving


builder = TypeMachineBuilder(Life, Core)

down = builder.state("down")
dialing = builder.state("dialing")
signing_on = builder.state("signing on", _asking)
signed_on = builder.state("signed on", _conversing)
pausing = builder.state("pausing", _pausing)
finishing = builder.state("finishing", _leaving)
signing_off = builder.state("signing off", _leaving)
stopped = builder.state("stopped")

# Where the decisions lead.

dialing.upon(Life.rest).to(down).returns(None)
signing_on.upon(Life.rest, nodata=True).to(down).returns(None)
signed_on.upon(Life.rest, nodata=True).to(down).returns(None)
pausing.upon(Life.rest, nodata=True).to(down).returns(None)
dialing.upon(Life.ask).to(signing_on).returns(None)
pausing.upon(Life.ask, nodata=True).to(signing_on).returns(None)
signing_on.upon(Life.pause, nodata=True).to(pausing).returns(None)
signed_on.upon(Life.pause, nodata=True).to(pausing).returns(None)
signed_on.upon(Life.finish, nodata=True).to(finishing).returns(None)
finishing.upon(Life.leave, nodata=True).to(signing_off).returns(None)


@down.upon(Life.dial).to(dialing)
@dialing.upon(Life.dial).loop()
def dial(_life: Life, core: Core, now: float) -> None:
    """Dial the connector whose turn it is."""
    core.count += 1
    core.connection = core.count
    connect = core.patience(core.timings.connect, Step.CONNECT)
    core.act(Dial(core.count, core.url, connect, core.patience(core.timings.connect, Step.TLS)))


def dial_on(life: Life, core: Core, _left: object, now: float) -> None:
    """Leave a connection that came to nothing for the next one."""
    dial(life, core, now)


signing_on.upon(Life.dial).to(dialing)(dial_on)
signed_on.upon(Life.dial).to(dialing)(dial_on)
pausing.upon(Life.dial).to(dialing)(dial_on)


@dialing.upon(Life.converse).to(signed_on)
@signing_on.upon(Life.converse, nodata=True).to(signed_on)
def signed(_life: Life, core: Core, now: float, names: tuple[str, ...], reply: Reply) -> None:
    """Signed on: tell, before anything is said on the session."""
    core.error = None
    core.heard_at = now
    core.pauses = 0
    if core.connection is not None:
        host = reply.server_name or core.trying.host or core.url
        generation = reply.generation if reply.generation is not None else core.trying.generation
        core.act(SignOn(host, generation, core.connection, reply))


# Down.

down.upon(Life.follow).loop().returns(None)


@down.upon(Life.tick).loop()
def try_again(life: Life, core: Core, now: float) -> None:
    """Dial, if there is somebody to follow and its time has come."""
    if core.target is not None and core.target.connectors and now >= core.attempts.next_at(core.target):
        core.trying, core.index = core.target, 0
        life.dial(now)


# Dialing.

dialing.upon(Life.tick).loop().returns(None)
dialing.upon(Life.heard).loop().returns(None)


@dialing.upon(Life.connected).loop()
def connected(life: Life, core: Core, now: float) -> None:
    """Ask to be signed on; without that duty the kept connection is the agent channel (profile.md, Rules)."""
    if core.abilities.open_session:
        life.ask(now, State.SIGNING_ON)
        return
    core.act(Heard(core.url, core.trying.host, active=True, generation=core.trying.generation, asked_at=now))
    life.converse(now, core.channels.known(), Reply(Meaning.CONFIRMED))


# On a connection without a session.


@signing_on.upon(Life.replied).loop()
def asked(life: Life, core: Core, asking: Asking, now: float, reply: Reply) -> None:
    """Sort the answer to OpenSession."""
    core.heard_at = now
    sign_on_answered(life, core, asking, now, reply)


@signing_on.upon(Life.tick).loop()
def asked_in_vain(life: Life, core: Core, asking: Asking, now: float) -> None:
    """No answer to OpenSession within its deadline."""
    if now >= asking.deadline:
        waited = now - asking.sent_at
        give_up(life, core, now, Loss(f"{core.url}: no reply to OpenSession within {waited:.1f} s", Step.SIGN_ON))


@pausing.upon(Life.tick).loop()
def ask_again(life: Life, _core: Core, pause: Pause, now: float) -> None:
    """Ask again on the same connection."""
    if now >= pause.until:
        life.ask(now, pause.shown)


@dialing.upon(Life.failed).loop()
@signing_on.upon(Life.failed, nodata=True).loop()
@pausing.upon(Life.failed, nodata=True).loop()
def attempt_failed(life: Life, core: Core, now: float, loss: Loss) -> None:
    """The attempt failed, or the connection is lost before a session was open."""
    give_up(life, core, now, loss)


@dialing.upon(Life.follow).loop()
@signing_on.upon(Life.follow, nodata=True).loop()
@pausing.upon(Life.follow, nodata=True).loop()
def follow_another(life: Life, core: Core, now: float) -> None:
    """Leave at once whoever is not to be followed any more."""
    if core.elsewhere():
        core.abort()
        life.rest(now)


@signing_on.upon(Life.heard, nodata=True).loop()
@pausing.upon(Life.heard, nodata=True).loop()
def heard(_life: Life, core: Core, now: float) -> None:
    """A sign of life."""
    core.heard_at = now


# Signed on.

signed_on.upon(Life.follow).loop()(followed)
signed_on.upon(Life.failed).loop()(lost)
signed_on.upon(Life.tick).loop()(watch)
signed_on.upon(Life.replied).loop()(answered)
signed_on.upon(Life.stop).loop()(sign_off)


@signed_on.upon(Life.heard).loop()
def alive(_life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """Any bytes from CE count as life."""
    core.heard_at = conversation.heard_at = now


@signed_on.upon(Life.probed).loop()
def probe_answered(_life: Life, core: Core, conversation: Conversation, now: float) -> None:
    """The probe that stands for a heartbeat was answered."""
    conversation.probed(now)
    say_next(core, conversation, now)


# Stopping.


@finishing.upon(Life.tick).loop()
def finish(life: Life, core: Core, leaving: Leaving, now: float) -> None:
    """Say goodbye when nothing is out any more; a reply that does not come is not waited for."""
    if leaving.conversation.in_flight is None:
        close(life, core, leaving, now)
    elif now >= leaving.deadline:
        core.abort()
        life.end(now)


@finishing.upon(Life.replied).loop()
def last_reply(_life: Life, _core: Core, leaving: Leaving, now: float, reply: Reply) -> None:
    """The reply that was out has come; nothing is made of it but a note of what CE believes."""
    leaving.conversation.replied(reply, now)


@finishing.upon(Life.probed).loop()
def last_probe(_life: Life, _core: Core, leaving: Leaving, now: float) -> None:
    """The probe that was out has been answered."""
    leaving.conversation.probed(now)


@signing_off.upon(Life.tick).loop()
def goodbye_in_vain(life: Life, core: Core, leaving: Leaving, now: float) -> None:
    """The reply to CloseSession is not waited for longer than its deadline."""
    if now >= leaving.deadline:
        core.abort()
        life.end(now)


@signing_off.upon(Life.replied, nodata=True).loop()
def goodbye(life: Life, core: Core, now: float, reply: Reply) -> None:
    """CE knows that we are gone."""
    core.abort()
    life.end(now)


@finishing.upon(Life.failed, nodata=True).loop()
@signing_off.upon(Life.failed, nodata=True).loop()
def gone_anyway(life: Life, core: Core, now: float, loss: Loss) -> None:
    """The connection is lost, so CE has signed us off itself."""
    core.abort()
    life.end(now)


@finishing.upon(Life.stop, nodata=True).loop()
@signing_off.upon(Life.stop, nodata=True).loop()
def stop_at_once(life: Life, core: Core, now: float) -> None:
    """Told twice: no reply is waited for."""
    core.abort()
    life.end(now)


@down.upon(Life.stop).to(stopped)
@dialing.upon(Life.stop).to(stopped)
def stop(_life: Life, core: Core, now: float) -> None:
    """Nobody is signed on: end."""
    core.abort()
    core.act(Stopped())


def stop_without_session(life: Life, core: Core, _left: object, now: float) -> None:
    """Nobody is signed on yet: end."""
    stop(life, core, now)


signing_on.upon(Life.stop).to(stopped)(stop_without_session)
pausing.upon(Life.stop).to(stopped)(stop_without_session)


@finishing.upon(Life.end).to(stopped)
@signing_off.upon(Life.end).to(stopped)
def end(_life: Life, core: Core, leaving: Leaving, now: float) -> None:
    """Signed off."""
    core.channels.signed_off(now)
    core.act(SignOffDone(leaving.conversation.host, "signed off"), Stopped())


for state in (finishing, signing_off):
    state.upon(Life.follow, nodata=True).loop().returns(None)
    state.upon(Life.heard, nodata=True).loop().returns(None)
stopped.upon(Life.follow).loop().returns(None)
stopped.upon(Life.tick).loop().returns(None)
stopped.upon(Life.stop).loop().returns(None)

# What people may see, and when time matters next.


@down.upon(Life.show).loop()
def show_down(_life: Life, core: Core, now: float) -> Shown:
    """Down, and until when."""
    if core.target is None:
        return Shown(State.DOWN, error=core.error)
    return Shown(State.DOWN, host=core.target.host, retry_at=core.attempts.next_at(core.target), error=core.error)


@stopped.upon(Life.show).loop()
def show_stopped(_life: Life, core: Core, now: float) -> Shown:
    """Down for good."""
    return Shown(State.DOWN, error=core.error)


@dialing.upon(Life.show).loop()
def show_dialing(_life: Life, core: Core, now: float) -> Shown:
    """Whom we dial."""
    return Shown(State.DIALING, host=core.trying.host, url=core.url, error=core.error)


@signing_on.upon(Life.show).loop()
def show_signing_on(_life: Life, core: Core, asking: Asking, now: float) -> Shown:
    """Whom we ask; a state in which we ask again and again is shown all the time."""
    return Shown(asking.shown, host=core.trying.host, url=core.url, heard_at=core.heard_at, error=core.error)


@pausing.upon(Life.show).loop()
def show_pausing(_life: Life, core: Core, pause: Pause, now: float) -> Shown:
    """Whom we ask again, and when."""
    host = core.trying.host
    return Shown(pause.shown, host=host, url=core.url, heard_at=core.heard_at, retry_at=pause.until, error=core.error)


@signed_on.upon(Life.show).loop()
def show_signed_on(_life: Life, core: Core, conversation: Conversation, now: float) -> Shown:
    """Up, unless heartbeats are missed or CE has not been told everything yet."""
    state = State.RESTORING if conversation.restored_at is None else State.UP
    return Shown(
        State.SUSPECT if conversation.misses(now) else state,
        host=conversation.host,
        url=core.url,
        generation=conversation.generation,
        session_id=conversation.session_id,
        heard_at=core.heard_at,
        error=core.error,
    )


@finishing.upon(Life.show).loop()
@signing_off.upon(Life.show).loop()
def show_signing_off(_life: Life, core: Core, leaving: Leaving, now: float) -> Shown:
    """Whom we take leave of."""
    return Shown(State.SIGNING_OFF, host=leaving.conversation.host, url=core.url, heard_at=core.heard_at)


@down.upon(Life.deadline).loop()
def next_attempt(_life: Life, core: Core, now: float) -> float:
    """When to dial."""
    return core.attempts.next_at(core.target) if core.target is not None and core.target.connectors else inf


@signing_on.upon(Life.deadline).loop()
def answer_due(_life: Life, _core: Core, asking: Asking, now: float) -> float:
    """When the answer to OpenSession is overdue."""
    return asking.deadline


@pausing.upon(Life.deadline).loop()
def asking_due(_life: Life, _core: Core, pause: Pause, now: float) -> float:
    """When to ask again."""
    return pause.until


@signed_on.upon(Life.deadline).loop()
def saying_due(_life: Life, _core: Core, conversation: Conversation, now: float) -> float:
    """When something is to be said, or a silence counts."""
    return conversation.deadline(now)


@finishing.upon(Life.deadline).loop()
@signing_off.upon(Life.deadline).loop()
def leaving_due(_life: Life, _core: Core, leaving: Leaving, now: float) -> float:
    """When waiting for the last replies ends."""
    return leaving.deadline if leaving.conversation.in_flight else max(now, leaving.deadline)


# The dialer keeps the deadlines of an attempt.
dialing.upon(Life.deadline).loop().returns(inf)
stopped.upon(Life.deadline).loop().returns(inf)

make_life = builder.build()
