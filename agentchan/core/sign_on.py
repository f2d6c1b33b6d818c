"""What an answer to OpenSession leads to, and what happens when a connector comes to nothing."""

from __future__ import annotations

from agentchan.core.conversation import listed
from agentchan.core.life_parts import Asking, Core, Life, Opened, Pause
from agentchan.core.session_values import Heard, Loss, Note, Rediscover, State, Unreachable
from agentchan.vocabulary import Meaning, Reply


def give_up(life: Life, core: Core, now: float, loss: Loss, at_least: float = 0.0) -> None:
    """The connector in use came to nothing before a session was open: on to the next one."""
    came_to_nothing(core, loss)
    next_in_line(life, core, now, at_least)


def came_to_nothing(core: Core, loss: Loss) -> None:
    """The connection in use is worth nothing any more."""
    core.error = loss.reason
    core.abort()
    if loss.step is not None:
        core.attempts.timed_out(core.trying, core.index, loss.step)
    core.act(Unreachable(core.url, loss.reason), Rediscover())


def next_in_line(life: Life, core: Core, now: float, at_least: float = 0.0) -> None:
    """Dial the next connector, round and round; once all have had their turn, rest for at least so many seconds."""
    if core.left > 0 and not core.elsewhere():
        core.left -= 1
        core.index = (core.index + 1) % len(core.trying.connectors)
        life.dial(now)
    else:
        core.attempts.failed(core.trying, now, at_least)
        life.rest(now)


def leave(core: Core, active_server: str | None = None) -> str:
    """The host that is tried, or in use, is not active; returns that for people, with the one that it names."""
    core.abort()
    core.error = f"{core.where} is not active" + (f"; it names {active_server}" if active_server is not None else "")
    return core.error


def not_active(core: Core, reply: Reply, asked_at: float) -> str:
    """The connector answered that its host is not active; returns that for people."""
    cause = leave(core, reply.active_server)
    # With several connectors in line nobody knows whose answer this was.
    host = core.trying.host if len(core.trying.connectors) == 1 else None
    core.act(Heard(core.url, host, active=False, generation=reply.generation, asked_at=asked_at), Rediscover())
    return cause


def _granted(life: Life, core: Core, now: float, asking: Asking, reply: Reply) -> None:
    """A session was granted; but not every host that grants one is the right one (F4)."""
    name, generation, mark = reply.server_name, reply.generation, core.trying.mark
    expected, known = core.trying.host, core.trying.generation
    if mark is not None and generation is not None and generation < mark:
        text = f"{name or core.url} granted a session in generation {generation}, below {mark}: not followed"
        core.act(Note("wrong-host", text, alarm=True))
        if expected is None:
            # The answer is all that is known of this host: the mark falls if it stays so (design, Link and topology).
            core.error = text
            core.abort()
            core.is_active(name, generation, asking.sent_at)
            core.act(Rediscover())
            next_in_line(life, core, now)
        else:
            give_up(life, core, now, Loss(text))
    elif expected is not None and name not in (None, expected):
        text = f"{core.url} is the connector of {name}, not of {expected}"
        if generation is None or known is None or generation <= known:
            core.act(Note("wrong-host", text, alarm=True))
        # Else it knows of a newer change of roles than the component link, which is asked at once.
        give_up(life, core, now, Loss(text))
    else:
        core.is_active(name or expected, generation, asking.sent_at)
        life.converse(now, Opened(asking.names, reply, asking.sent_at, asking.meant))


def _channels_unknown(life: Life, core: Core, now: float, reply: Reply) -> None:
    taken = core.channels.exclude(reply.channels)
    if not taken:
        give_up(life, core, now, Loss(f"{core.url} refused the sign-on: {reply.message or 'unknown channel'}"))
        return
    text = f"{core.where} does not know {listed(taken)}: left out, tried again later; check CE's administration"
    core.act(Note("channel-unknown", text, alarm=True))
    if core.channels.known():
        life.pause(now, Pause(State.SIGNING_ON, now))
    else:
        core.channels.include_all()
        loss = Loss(f"{core.where} knows none of the channels; check [ivr] channels and CE's administration")
        give_up(life, core, now, loss, at_least=core.timings.backoff.maximum)


def _taken_by_another(life: Life, core: Core, now: float, asking: Asking, reply: Reply) -> None:
    """Only an active host knows that another instance is signed on: stand by there."""
    core.pauses += 1
    core.error = f"another instance is signed on to {core.where} as {core.ivr}: {reply.message}"
    if core.trying.host is None:
        core.is_active(None, reply.generation, asking.sent_at)
    delay = core.timings.backoff.delay(core.pauses, core.jitter)
    life.pause(now, Pause(State.STANDING_BY, now + delay))


def answered(life: Life, core: Core, asking: Asking, now: float, reply: Reply) -> None:
    """Sort the answer to an OpenSession."""
    match reply.meaning:
        case Meaning.CONFIRMED | Meaning.DUPLICATE:
            _granted(life, core, now, asking, reply)
        case Meaning.NOT_ACTIVE:
            not_active(core, reply, asking.sent_at)
            next_in_line(life, core, now)
        case Meaning.SESSION_ALREADY_OPEN:
            _taken_by_another(life, core, now, asking, reply)
        case Meaning.UNKNOWN_CHANNEL:
            _channels_unknown(life, core, now, reply)
        case Meaning.UNKNOWN_IVR:
            loss = Loss(f"{core.where} knows no IVR named {core.ivr}; check [ivr] name and CE's administration")
            core.act(Note("ivr-unknown", loss.reason, alarm=True))
            give_up(life, core, now, loss, at_least=core.timings.backoff.maximum)
        case _:
            give_up(life, core, now, Loss(f"{core.where} refused the sign-on: {reply.message or reply.meaning.value}"))
