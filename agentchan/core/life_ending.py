"""How the agent channel is taken leave of: the last replies, CloseSession, the end."""

from __future__ import annotations

from agentchan.core.conversation import Turn
from agentchan.core.life_parts import Core, Leaving, Life
from agentchan.core.session_values import Loss, SignOffDone, Stopped
from agentchan.vocabulary import CloseSession, Reply


def leaving(_life: Life, _core: Core, now: float, leaving: Leaving) -> Leaving:
    """The states' data."""
    return leaving


def stop(_life: Life, core: Core, now: float) -> None:
    """Nobody is signed on: end."""
    core.abort()
    core.act(Stopped())


def stop_without_session(life: Life, core: Core, _left: object, now: float) -> None:
    """Nobody is signed on yet: end."""
    stop(life, core, now)


def finish(life: Life, core: Core, leaving: Leaving, now: float) -> None:
    """Say goodbye, where the profile can, once nothing is out any more; a reply is not waited for beyond its time."""
    if leaving.conversation.pulse.in_flight is None and core.abilities.close_session:
        core.send(CloseSession(leaving.conversation.session_id, "stopping"))
        life.leave(now, Leaving(leaving.conversation, now + core.timings.reply))
    elif leaving.conversation.pulse.in_flight is None or now >= leaving.deadline:
        _end(life, core, now)


def last_reply(life: Life, core: Core, leaving: Leaving, now: float, reply: Reply) -> None:
    """The reply that was out has come; where it says that there is no session any more, nobody is to be signed off."""
    if leaving.conversation.replied(reply, now) is not Turn.ON:
        _end(life, core, now)


def last_probe(_life: Life, _core: Core, leaving: Leaving, now: float) -> None:
    """The probe that was out has been answered."""
    leaving.conversation.pulse.probed(now)


def goodbye_in_vain(life: Life, core: Core, leaving: Leaving, now: float) -> None:
    """The reply to CloseSession is not waited for longer than its deadline."""
    if now >= leaving.deadline:
        _end(life, core, now)


def goodbye(life: Life, core: Core, now: float, reply: Reply) -> None:
    """CE knows that we are gone."""
    _end(life, core, now)


def lost(life: Life, core: Core, now: float, loss: Loss) -> None:
    """The connection is lost, so CE has signed us off itself."""
    _end(life, core, now)


def at_once(life: Life, core: Core, now: float) -> None:
    """Told twice: no reply is waited for."""
    _end(life, core, now)


def no_goodbye(life: Life, core: Core, now: float) -> None:
    """Nothing more is said to a host that is not active any more: it has forgotten the session."""
    if core.elsewhere():
        _end(life, core, now)


def denied(life: Life, core: Core, now: float) -> None:
    """So it has said itself."""
    _end(life, core, now)


def _end(life: Life, core: Core, now: float) -> None:
    core.abort()
    life.end(now)


def over(_life: Life, core: Core, leaving: Leaving, now: float) -> None:
    """Signed off."""
    core.channels.signed_off(now)
    core.act(SignOffDone(leaving.conversation.host, "signed off"), Stopped())
