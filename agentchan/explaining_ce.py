"""The deeper causes of a channel's state: how the agent channel is, and why CE is followed or not."""

from __future__ import annotations

from typing import Protocol

from agentchan.core.session_values import Shown, State
from agentchan.core.verdict import Kind, Verdict


class Telling(Protocol):
    """Where causes and remedies go (:class:`agentchan.explaining.Explanation`)."""

    def because(self, text: str, since: float | None = None, who: str | None = None) -> None:
        """A cause."""

    def do(self, text: str, command: str = "") -> None:
        """A remedy."""


_DOCTOR = ("to try each step from here to CE and see which fails", "agentchan doctor")

_STATES = {
    State.DOWN: "the agent channel is down",
    State.DIALING: "the agent channel is being dialled",
    State.SIGNING_ON: "the agent channel asks to be signed on",
    State.RESTORING: "the agent channel has just been signed on, and CE is being told of all channels",
    State.UP: "the agent channel is up",
    State.SUSPECT: "the agent channel is suspect: a heartbeat was not answered",
    State.STANDING_BY: "another instance is signed on for this IVR, and this one stands by",
    State.CONTENDED: "another daemon with this instance_id keeps replacing this one",
    State.SIGNING_OFF: "the agent channel is being signed off: the daemon is stopping",
}

_REMEDIES: dict[State, tuple[tuple[str, str], ...]] = {
    State.RESTORING: (("wait a moment; how far it is shows", "agentchan status --watch"),),
    State.SUSPECT: (("wait a moment: CE answers again, or another way is found", "agentchan status --watch"),),
    State.STANDING_BY: (
        ("nothing, if that is meant: this one takes over when the other ends", ""),
        ("if it is not meant, stop the other instance; CE and the lists of both tell which it is", ""),
    ),
    State.CONTENDED: (
        ("give each daemon its own [ivr] instance_id and restart it; this one's is shown by", "agentchan config show"),
    ),
    State.SIGNING_OFF: (("when it should serve again", "systemctl start agentchan"),),
}

_VERDICTS: dict[Kind, tuple[str, tuple[str, str]]] = {
    Kind.UNKNOWN: ("no CE host answers", _DOCTOR),
    Kind.NONE_ACTIVE: (
        "no CE host is active",
        ("nothing is to be done here: whichever becomes active is followed at once; look at CE's failover state", ""),
    ),
    Kind.AMBIGUOUS: (
        "two CE hosts claim to be active",
        ("find out which one is, then", "agentchan follow HOST --for 1h --reason '…'"),
    ),
}

_NOT_SIGNED_ON = (State.DOWN, State.DIALING, State.SIGNING_ON)


def ce_and_agent_channel(verdict: Verdict, shown: Shown | None, told: Telling) -> None:
    """Tell how the agent channel is, and below that whom it follows.

    Args:
        verdict: who is followed.
        shown: the agent channel; None where there is none.
        told: where it is told.
    """
    if shown is not None:
        where = f", at {shown.host}" if shown.host else ""
        error = f": {shown.error}" if shown.error and shown.state is not State.UP else ""
        told.because(f"{_STATES[shown.state]}{where}{error}", shown.since)
        for text, command in _REMEDIES.get(shown.state, ()):
            told.do(text, command)
        if shown.state in _NOT_SIGNED_ON and verdict.host is not None:
            told.do(*_DOCTOR)
    _verdict(verdict, told)


def _verdict(verdict: Verdict, told: Telling) -> None:
    reason = f": {verdict.reason}" if verdict.reason else ""
    if verdict.kind is Kind.PINNED and verdict.host is None:
        told.because(f"a host was pinned by hand that cannot be followed{reason}")
        told.do("to let the daemon choose again", "agentchan unfollow")
    elif verdict.kind is Kind.PINNED:
        told.because(f"{verdict.host} is followed since it was pinned by hand{reason}")
        told.do("to let the daemon choose again", "agentchan unfollow")
    elif verdict.kind is Kind.FOLLOWING:
        told.because(f"{verdict.host} is followed{reason}")
    else:
        what, remedy = _VERDICTS[verdict.kind]
        staying = f", and {verdict.host} is stayed with" if verdict.host is not None else ""
        told.because(f"{what}{staying}{reason}")
        told.do(*remedy)
