"""What the API asks of the daemon, as values whose fields are parsed and checked.

Names, ids and reasons are XSD tokens within the lengths of the contract's schema. Durations are seconds. Times are
aware. ``who`` is who asked: the user name of a Unix peer, else the address of a TCP peer.
"""

from __future__ import annotations

from datetime import datetime

from attrs import frozen


@frozen
class NewCallRequest:
    """A call began on a channel.

    Attributes:
        channel: CE's name or an alias.
        started_at: None: now.
        wait: how long the caller waits for CE to confirm; None: not at all.
        signal_id: the caller's own; None: one is made.
        parameters: what the caller gave besides, as the codec wants it, to be sent on (the SOAP door).
    """

    channel: str
    call_id: str
    who: str
    caller: str | None = None
    called: str | None = None
    started_at: datetime | None = None
    wait: float | None = None
    signal_id: str | None = None
    parameters: str = ""


@frozen
class GoneRequest:
    """A call has ended and the IVR has finished its work.

    Attributes:
        channel: CE's name or an alias.
        call_id: None: the channel's open call.
        ended_at: None: now.
        wait: as for a NewCall.
        signal_id: as for a NewCall.
        parameters: as for a NewCall.
    """

    channel: str
    who: str
    call_id: str | None = None
    outcome: str | None = None
    ended_at: datetime | None = None
    wait: float | None = None
    signal_id: str | None = None
    parameters: str = ""


@frozen
class HeldCall:
    """One call of the IVR's own list."""

    channel: str
    call_id: str


@frozen
class PutCallsRequest:
    """The IVR's own complete list of open calls; no channel is in it twice."""

    calls: tuple[HeldCall, ...]
    who: str


@frozen
class CallsQuery:
    """Which open calls are asked for.

    Attributes:
        older_than: only those that began so many seconds ago or earlier; None: all.
    """

    older_than: float | None = None


@frozen
class ReadinessRequest:
    """Readiness wanted by hand; survives restart and failover.

    Attributes:
        channels: names or aliases; None: all channels.
        reason: always given when ``ready`` is false.
        for_: after so many seconds the wish by hand is over; None: until another one.
    """

    channels: tuple[str, ...] | None
    ready: bool
    reason: str | None
    for_: float | None
    who: str


@frozen
class DrainRequest:
    """Make every channel not ready and let the calls in progress end.

    Attributes:
        timeout: after so many seconds the drain counts as failed if calls are still there (it goes on); None: never.
    """

    timeout: float | None
    reason: str | None
    who: str


@frozen
class FollowRequest:
    """Pin the active host by hand for ``for_`` seconds.

    Attributes:
        host: its name in CE, or a Component Service URL.
    """

    host: str
    for_: float
    reason: str
    who: str


@frozen
class ForgetGenerationRequest:
    """Let the generation mark fall, after a restore of CE's database."""

    reason: str
    who: str


@frozen
class FreeRequest:
    """Free a stuck channel: CE is told that the call it holds there is gone."""

    channel: str
    reason: str
    who: str


@frozen
class SignalsQuery:
    """Which call signals are asked for, newest first.

    Attributes:
        fates: only these; empty: every fate.
        channel: only of this channel or alias; None: of all.
        before: only those accepted before this signal id (the last of an earlier page); None: from the newest.
        limit: at most so many.
    """

    fates: tuple[str, ...] = ()
    channel: str | None = None
    before: str | None = None
    limit: int = 100


@frozen
class FailoversQuery:
    """How many failovers are asked for, newest first."""

    limit: int = 100


@frozen
class SignalRequest:
    """Retry or discard one refused or expired signal."""

    signal_id: str
    reason: str
    who: str


@frozen
class SoapRequest:
    """What came through the SOAP door.

    Attributes:
        path: below which path the service was asked, ``/IVRConnector`` or the vendor's.
        content_type: as given, None where it was not.
        action: the SOAPAction header without its quotes, None where it was not given.
        base_url: scheme, host and port under which the caller reached the door, for the WSDL's own address.
    """

    path: str
    body: bytes
    content_type: str | None
    action: str | None
    base_url: str
    who: str


@frozen
class SoapAnswer:
    """What the SOAP door answers."""

    status: int
    content_type: str
    body: bytes
