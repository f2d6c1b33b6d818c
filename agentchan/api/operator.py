"""What the API asks of the daemon: the daemon's side of the two doors.

The API parses, checks, asks here and writes the answer; it never touches the core. Every method is called on the
reactor's thread and must not block. A method returns its answer or a Deferred of it: dicts and lists of plain JSON
values (str, int, float, bool, None; times are ISO 8601 texts with a zone, ages are ``…_ms`` or ``…_s`` numbers), and
raises (or fails with) :class:`~agentchan.api.refusals.Refused` where the answer is an error. Any other exception is
answered with 500 and logged.

The fields named here are those the command line shows; more may be added, and a reader leaves out what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar

from twisted.internet.defer import Deferred

from agentchan.api import requests
from agentchan.api.events import EventFeed

Json = Mapping[str, Any]
Value = TypeVar("Value")
Soon: TypeAlias = Value | Deferred[Value]


class Operator(Protocol):
    """The daemon as the API sees it."""

    @property
    def feed(self) -> EventFeed:
        """Where every change is published, for ``/v1/events``."""

    # -- looking ---------------------------------------------------------------------------------------------------

    def livez(self) -> Soon[Json]:
        """``{"live": bool, "reasons": [str]}``: whether the own loop is alive; never depends on CE."""

    def readyz(self) -> Soon[Json]:
        """``{"ready": bool, "reasons": [str]}``: why no call should be sent here, each with its remedy."""

    def metrics(self) -> Soon[tuple[str, bytes]]:
        """Content type and text for Prometheus."""

    def status(self) -> Soon[Json]:
        """Interfaces.md 5.

        Besides those fields: ``ce.generation_mark``, ``ce.pinned`` (None or ``{"host", "until", "reason", "who"}``),
        ``ce.since`` (of the verdict), ``ce.reason``, ``refusal`` of each host (why it would not be followed, or None),
        ``agent_channel.error``, ``channels.unknown_to_ce``, ``channels.stuck_names`` (the first five),
        ``tells_readiness`` (whether the profile can tell CE of it; else channels may always be unknown), ``drain``
        (None or ``{"since", "who", "reason", "calls", "timeout_s"}``), ``journal`` (``{"state": "ok" or
        "failing", "error", "since", "set_aside": path or None}``), ``ivr_health`` (None or ``{"up", "since",
        "error"}``), ``alarms`` (``[{"code", "text", "since"}]``: what the session noticed and somebody must look at,
        ``remedy`` where there is one of its own) and ``problems``, which is :func:`agentchan.api.problems.problems` of
        all the rest. ``signals.refused`` and ``signals.expired`` count those that nobody has retried or discarded.
        """

    def channels(self, names: tuple[str, ...]) -> Soon[Iterable[Json]]:
        """Rows of interfaces.md 5, in the order of the configuration; of ``names`` only, where there are any.

        Besides: ``until`` and ``who`` of a wish by hand. The API takes the rows a hundred at a time, with turns of the
        reactor between: the iterable must stand changes meanwhile.

        Raises:
            Refused: unknown-channel, 404.
        """

    def failovers(self, query: requests.FailoversQuery) -> Soon[Iterable[Json]]:
        """What failovers there were, newest first.

        ``{"at", "from", "to", "cause", "generation", "detect", "discover", "sign_on", "restore", "drain_outbox",
        "total"}``; phases in milliseconds, None while one is not over.
        """

    def explain(self, name: str) -> Soon[Json]:
        """Why a channel is in its state.

        ``{"channel", "headline", "row": {…}, "causes": [{"text", "since", "who"}], "remedies": [{"text",
        "command"}]}``; ``headline`` is one sentence, ``causes`` go from the nearest to the deepest.

        Raises:
            Refused: unknown-channel, 404.
        """

    def timing(self) -> Soon[Json]:
        """How failover time is made up with the configured numbers: ``{"rows": [{"case", "formula", "ms"}]}``."""

    def failing_over(self) -> Soon[Json]:
        """The CEFailingOver node (interfaces.md 3); at once, never waits for the network."""

    def endpoint_available(self, uri: str) -> Soon[Json]:
        """The EndpointAvailable node (interfaces.md 3).

        Raises:
            Refused: invalid-uri, 400.
        """

    def endpoints(self) -> Soon[Iterable[Json]]:
        """The watched endpoints.

        ``{"uri", "available", "status_code", "latency_ms", "since", "age_ms", "reason", "configured"}``.
        """

    def configuration(self) -> Soon[Json]:
        """The effective configuration in force (``config.as_json``)."""

    # -- acting ----------------------------------------------------------------------------------------------------

    def set_readiness(self, request: requests.ReadinessRequest) -> Soon[Json]:
        """``{"channels": count, "changed": count, "until"}``, when the wish is on disk."""

    def drain(self, request: requests.DrainRequest) -> Soon[Json]:
        """``{"draining": true, "calls": count}``, when it is on disk; repeated: the new timeout and reason count.

        ``warning``, too, where the profile cannot tell CE of it at once.
        """

    def resume(self, who: str) -> Soon[Json]:
        """``{"draining": false, "was_draining": bool}``."""

    def follow(self, request: requests.FollowRequest) -> Soon[Json]:
        """``{"host", "until"}``.

        Raises:
            Refused: unknown-host, 404.
        """

    def unfollow(self, who: str) -> Soon[Json]:
        """``{"was_pinned": str or None}``."""

    def forget_generation(self, request: requests.ForgetGenerationRequest) -> Soon[Json]:
        """``{"domain", "forgotten": int or None}``."""

    def reload(self, who: str) -> Soon[Json]:
        """``{"applied": [key], "needs_restart": [key], "faults": [text], "warnings": [text]}``.

        With faults nothing was applied. The Deferred fires when what could be applied is in force.
        """

    # -- call signals ----------------------------------------------------------------------------------------------

    def new_call(self, request: requests.NewCallRequest) -> Soon[Json]:
        """``{"signal_id", "fate"}`` when the signal is on disk, with ``wait`` when CE has confirmed it or time is up.

        Raises:
            Refused: unknown-channel 404, call-ended 409, journal-unavailable 503.
        """

    def gone(self, request: requests.GoneRequest) -> Soon[Json]:
        """As :meth:`new_call`; ``no-open-call``, 409, where no call_id is given and the channel has no call."""

    def calls(self, query: requests.CallsQuery) -> Soon[Iterable[Json]]:
        """Open calls, the oldest first.

        ``{"channel", "call_id", "since", "caller", "called", "known_to_ce": true/false/None, "reported"}``.
        """

    def put_calls(self, request: requests.PutCallsRequest) -> Soon[Json]:
        """``{"open": count, "gone": [{"channel", "call_id", "signal_id"}], "unknown": [{"channel", "call_id"}]}``."""

    def signals(self, query: requests.SignalsQuery) -> Soon[Iterable[Json]]:
        """Call signals, newest first.

        ``{"signal_id", "kind": "new-call"/"gone", "channel", "call_id", "fate", "accepted_at", "settled_at",
        "attempts", "last_error", "repair": bool}``.
        """

    def signal(self, signal_id: str) -> Soon[Json]:
        """Everything known of one signal.

        A row of :meth:`signals`, and ``started_at`` or ``ended_at``, ``caller``, ``called``, ``outcome``, ``who``,
        ``history``: ``[{"at", "text"}]``.

        Raises:
            Refused: unknown-signal, 404.
        """

    def retry(self, request: requests.SignalRequest) -> Soon[Json]:
        """The signal's row; its fate is pending again.

        Raises:
            Refused: unknown-signal 404, wrong-fate 409 (it is neither refused nor expired).
        """

    def discard(self, request: requests.SignalRequest) -> Soon[Json]:
        """The signal's row; as :meth:`retry`."""

    def free(self, request: requests.FreeRequest) -> Soon[Json]:
        """``{"channel", "call_id", "signal_id"}`` of the Gone that goes out.

        Raises:
            Refused: unknown-channel 404, not-stuck 409.
        """

    # -- the SOAP door ---------------------------------------------------------------------------------------------

    @property
    def soap_paths(self) -> tuple[str, ...]:
        """Where the SOAP door is besides ``/IVRConnector``: the vendor's path, where the profile names one."""

    def soap(self, request: requests.SoapRequest) -> Soon[requests.SoapAnswer]:
        """The answer of the SOAP door, faults included."""

    def wsdl(self, base_url: str, name: str | None = None) -> Soon[requests.SoapAnswer]:
        """The profile's IVR Connector WSDL with the door's own address in it, or a file of this name that it imports.

        Raises:
            Refused: not-found, 404.
        """
