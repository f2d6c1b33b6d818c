"""The keys about call signals, calls, and the SIP endpoints that calls go to."""

from __future__ import annotations

from attrs import frozen

from agentchan.config.addresses import Endpoint, TelGateway
from agentchan.config.kinds import Choice, Duration, Flag, ListOf, Maybe, Whole
from agentchan.config.settings import setting


@frozen
class Signals:
    """NewCall and Gone."""

    lanes: int = setting(Whole(1, 64), "Connections for NewCall and Gone.", default=4)
    reply_timeout: float = setting(Duration("10ms", "5m"), "How long a reply may take.", default="2s")
    new_call_max_age: float = setting(
        Duration("1s", "90d"),
        "An older unconfirmed NewCall expires, loudly; a Gone never does while CE may hold its call.",
        default="24h",
    )
    refuse_after: float = setting(
        Duration("1s", "7d"),
        "A fault that the profile cannot place is retried so long; then the signal is refused.",
        default="10m",
    )
    retry_guard: float = setting(
        Duration("0s", "10m"),
        "The pause before a signal whose reply was lost is sent again; only in profiles without signal_id.",
        default="10s",
    )
    ended_call: str = setting(
        Choice(("send", "gone-only")),
        "A call that ended before CE heard of it: send both signals, or only the Gone.",
        default="send",
    )
    unknown_calls: str = setting(
        Choice(("report", "gone")),
        "CE holds a call that nobody here knows: report it as stuck, or send its Gone.",
        default="report",
    )


@frozen
class Calls:
    """What happens to open calls."""

    on_ivr_down: str = setting(
        Choice(("keep", "gone")),
        "Open calls when ivr.health is down for on_ivr_down_after: keep them, or send their Gone.",
        default="keep",
    )
    on_ivr_down_after: float = setting(Duration("0s", "7d"), "How long the IVR must be down for that.", default="1m")
    max_duration: float = setting(Duration("1s", "90d"), "An open call older than this is warned about.", default="4h")
    on_max: str = setting(Choice(("warn", "gone")), "What happens to it: warn only, or send its Gone.", default="warn")


@frozen
class EndpointCheck:
    """Probing the SIP endpoints that the IVR may transfer to."""

    enabled: bool = setting(Flag(), "Whether endpoints are probed at all.", default=False)
    endpoints: tuple[str, ...] = setting(
        ListOf(Endpoint()), "Watched all the time; others are probed when asked for.", default=[]
    )
    interval: float = setting(Duration("100ms", "1h"), "Time from one probe to the next.", default="5s")
    timeout: float = setting(
        Duration("10ms", "1m"),
        "How long a probe may take, not longer than interval; UDP's retransmission T1 is a quarter of it.",
        default="500ms",
    )
    fall: int = setting(Whole(1, 100), "So many failures in a row mean unavailable.", default=2)
    rise: int = setting(Whole(1, 100), "So many successes in a row mean available.", default=1)
    unavailable_codes: tuple[int, ...] = setting(
        ListOf(Whole(300, 699)),
        "SIP status codes that mean unavailable; any other answer is one.",
        default=[408, 480, 503],
    )
    tel_gateway: str | None = setting(
        Maybe(TelGateway()), "How a tel: URI is probed; without it the answer is unknown.", default=""
    )
