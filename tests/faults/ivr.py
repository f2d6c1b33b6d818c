"""An IVR whose calls must reach CE, whatever dies: it says each thing until somebody has answered."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from random import Random

from attrs import define, field, frozen

PATIENCE = 10.0
"""Seconds that an answer may take before the script says it again."""
AGAIN_AFTER = 0.05
"""Seconds."""
TALK, REST = 0.25, 0.05
"""Seconds that a call, and the pause after it, last on average."""
FORGOTTEN = 0.01
"""Of all calls, those that end without a Gone: the channel's next call tells the daemon so."""


@frozen
class Said:
    """A signal that the daemon has accepted.

    Attributes:
        kind: ``new-call`` or ``gone``.
        asked: how often the script had to say it.
        began: monotonic seconds when it was said first.
        answered: monotonic seconds of the answer.
    """

    kind: str
    signal_id: str
    asked: int
    began: float
    answered: float


@frozen
class Call:
    """One call, as the IVR knows it.

    Attributes:
        gone: None where the script forgot it, and made the next call.
    """

    channel: str
    call_id: str
    new_call: Said
    gone: Said | None


@define(eq=False)
class Ivr:
    """Scripts that make calls one after the other, one script for each channel.

    Attributes:
        calls: the calls that have ended, those of each channel in order.
        complaints: answers that no script should ever get.
    """

    port: int
    channels: Sequence[str]
    wanted: int
    seed: int
    calls: list[Call] = field(factory=list)
    complaints: list[str] = field(factory=list)
    begun: int = 0
    _lock: threading.Lock = field(factory=threading.Lock)
    _scripts: list[threading.Thread] = field(factory=list)
    _given_up: threading.Event = field(factory=threading.Event)

    def start(self) -> None:
        """Begin to make calls."""
        for channel in self.channels:
            script = threading.Thread(target=_Script(self, channel).run, name=channel, daemon=True)
            self._scripts.append(script)
            script.start()

    @property
    def done(self) -> bool:
        """Whether every call has been made."""
        return not any(script.is_alive() for script in self._scripts)

    def give_up(self) -> None:
        """Let the scripts end, whatever they wait for."""
        self._given_up.set()
        for script in self._scripts:
            script.join()

    @property
    def given_up(self) -> bool:
        """Whether the scripts are to end."""
        return self._given_up.is_set()

    def next_call(self) -> int | None:
        """The number of one more call; None if there are enough."""
        with self._lock:
            if self.begun == self.wanted or self.given_up:
                return None
            self.begun += 1
            return self.begun


class _GivenUpError(Exception):
    """The script is to end."""


class _Script:
    """The script of one channel."""

    def __init__(self, ivr: Ivr, channel: str) -> None:
        self._ivr = ivr
        self._channel = channel
        self._random = Random(f"{channel} {ivr.seed}")  # noqa: S311 - calls that can be repeated
        self._connection = HTTPConnection("127.0.0.1", ivr.port, timeout=PATIENCE)
        self._forgotten: tuple[str, Said] | None = None

    def run(self) -> None:
        """Make calls until there are enough."""
        try:
            while (number := self._ivr.next_call()) is not None:
                self._call(f"call-{number}")
                time.sleep(self._random.expovariate(1 / REST))
            if self._forgotten is not None:
                self._hang_up(*self._forgotten)
        except _GivenUpError:
            return
        finally:
            self._connection.close()

    def _call(self, call_id: str) -> None:
        began = self._say("new-call", call_id, "started_at")
        if self._forgotten is not None:
            # The answer says that the call before has ended.
            self._ivr.calls.append(Call(self._channel, *self._forgotten, None))
            self._forgotten = None
        time.sleep(self._random.expovariate(1 / TALK))
        if self._random.random() < FORGOTTEN:
            self._forgotten = (call_id, began)
        else:
            self._hang_up(call_id, began)

    def _hang_up(self, call_id: str, began: Said) -> None:
        self._ivr.calls.append(Call(self._channel, call_id, began, self._say("gone", call_id, "ended_at")))

    def _say(self, kind: str, call_id: str, when: str) -> Said:
        body = {"channel": self._channel, "call_id": call_id, when: datetime.now(UTC).isoformat()}
        began = time.monotonic()
        asked = 0
        while not self._ivr.given_up:
            asked += 1
            try:
                status, answer = self._ask(kind, body)
            except (OSError, HTTPException):
                self._connection.close()
            else:
                if status in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
                    return Said(kind, str(json.loads(answer)["signal_id"]), asked, began, time.monotonic())
                if status != HTTPStatus.SERVICE_UNAVAILABLE:
                    self._ivr.complaints.append(f"{kind} of {call_id}: {status} {answer!r}")
                    raise _GivenUpError
            time.sleep(AGAIN_AFTER)
        raise _GivenUpError

    def _ask(self, kind: str, body: Mapping[str, str]) -> tuple[int, bytes]:
        self._connection.request("POST", f"/v1/{kind}", json.dumps(body), {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        return response.status, response.read()
