"""A running lab takes orders over a Unix socket: one line of JSON in, one line of JSON out.

``{"order": "kill", "arguments": {"name": "ce1"}}`` is answered with ``{"answer": …}`` or ``{"error": "why not"}``. The
orders are the controls of :class:`agentchan.lab.pair.Pair` under the names of ``ORDERS``.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from agentchan.lab.host_process import LabError
from agentchan.lab.lab import PREFIX, STATE_FILE, Lab, living_state
from agentchan.lab.pair import Pair

LARGEST_ORDER = 64 * 1024
CALLER_PATIENCE = 5.0
"""Seconds in which a caller has to say its order."""
ORDER_PATIENCE = 60.0
"""Seconds that an order may take: a host that is started or that ends slowly takes some."""
GLANCE = 0.25
"""Seconds between two looks at whether the daemon lives."""


def status_of(pair: Pair) -> dict[str, Any]:
    """Each host as it says itself, or that it is ``dead`` or ``frozen``; and how many channels are in which state."""
    hosts: dict[str, Any] = {}
    for name, process in pair.processes.items():
        hosts[name] = {"process": "frozen" if process.frozen else "running" if process.running else "dead"}
        if hosts[name]["process"] == "running":
            hosts[name] |= pair.status(name)
        elif process.running:
            hosts[name]["pid"] = process.pid
    active = pair.active()
    states = pair.states() if active is not None and hosts[active]["process"] == "running" else {}
    return {"active": active, "generation": pair.generation(), "hosts": hosts, "channels": dict(states)}


ORDERS: dict[str, Callable[..., Any]] = {
    "status": status_of,
    "switch": Pair.switch,
    "promote": Pair.promote,
    "demote": Pair.demote,
    "state": Pair.set_state,
    "generation": Pair.set_generation,
    "claim": Pair.claim,
    "kill": Pair.kill,
    "freeze": Pair.freeze,
    "thaw": Pair.thaw,
    "start": lambda pair, name: pair.start(name),
    "stop": Pair.stop_host,
    "slow": Pair.slow,
    "wrong": Pair.answer_wrongly,
    "behave": Pair.behave,
    "release": Pair.release,
    "blackhole": Pair.blackhole,
    "heal": Pair.heal,
    "stick": Pair.stick,
    "hang-up": Pair.hang_up,
    "back-up": lambda pair: str(pair.back_up()),
    "restore": lambda pair, backup: pair.restore(Path(backup)),
    "violations": Pair.violations,
}


@contextmanager
def taking_orders(lab: Lab) -> Iterator[socket.socket]:
    """Let other programs find ``lab``, and reach it: :func:`serve` answers on the socket given."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        lab.control_socket.unlink(missing_ok=True)
        listening.bind(str(lab.control_socket))
        lab.control_socket.chmod(0o600)
        listening.listen()
        with lab.announced():
            yield listening


def serve(lab: Lab, listening: socket.socket) -> None:
    """Take orders until an exception ends it (a signal, as a rule), or the daemon ends by itself.

    Raises:
        LabError: the daemon has ended.
    """
    while lab.daemon is None or lab.daemon.running:
        if select.select([listening], [], [], GLANCE)[0]:
            caller, _ = listening.accept()
            with caller:
                caller.settimeout(CALLER_PATIENCE)
                _answer(lab.pair, caller)
    raise LabError(f"the daemon has ended by itself: {lab.daemon.last_words()}")


def _answer(pair: Pair, caller: socket.socket) -> None:
    try:
        octets = b""
        while not octets.endswith(b"\n") and len(octets) < LARGEST_ORDER:
            received = caller.recv(LARGEST_ORDER)
            if not received:
                return
            octets += received
        caller.sendall(json.dumps(obey(pair, octets)).encode() + b"\n")
    except OSError:  # the caller has gone, or says nothing
        return


def obey(pair: Pair, octets: bytes) -> dict[str, Any]:
    """Carry out one order; returns what is to be answered."""
    try:
        order = json.loads(octets)
        command = ORDERS[order["order"]]
        return {"answer": command(pair, **order.get("arguments", {}))}
    except KeyError as error:
        return {"error": f"there is no {error}; orders are {', '.join(ORDERS)}, hosts are {', '.join(pair.processes)}"}
    except (LabError, ValueError, TypeError, AttributeError, OSError, sqlite3.Error) as error:
        return {"error": str(error)}


@frozen
class RunningLab:
    """A lab that runs in another process.

    Attributes:
        state: what :meth:`agentchan.lab.lab.Lab.state` says of it.
    """

    state: dict[str, Any]

    @classmethod
    def find(cls, directory: Path | None) -> RunningLab:
        """The lab that runs in ``directory``; without one, the only one that runs in a temporary directory.

        Raises:
            LabError: there is none, or more than one.
        """
        if directory is not None:
            state = living_state(directory.absolute())
            if state is None:
                raise LabError(f"no lab runs in {directory}; start one: agentchan lab up --directory {directory}")
            return cls(state)
        temporary = Path(tempfile.gettempdir())
        mine = [path.parent for path in temporary.glob(f"{PREFIX}*/{STATE_FILE}") if _is_mine(path)]
        found = [state for state in map(living_state, mine) if state is not None]
        if not found:
            raise LabError("no lab runs; start one: agentchan lab up")
        if len(found) > 1:
            choices = " or ".join(f"--directory {state['directory']}" for state in found)
            raise LabError(f"{len(found)} labs run; say which: {choices}")
        return cls(found[0])

    @property
    def hosts(self) -> list[str]:
        """The names of its hosts."""
        return list(self.state["hosts"])

    @property
    def database(self) -> Path:
        """The domain's database, which holds the history."""
        return Path(self.state["database"])

    def order(self, order: str, **arguments: Any) -> Any:
        """Have something done; returns what it answers.

        Raises:
            LabError: it is refused, or the lab does not answer.
        """
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(ORDER_PATIENCE)
                connection.connect(self.state["control"])
                connection.sendall(json.dumps({"order": order, "arguments": arguments}).encode() + b"\n")
                with connection.makefile("rb") as answers:
                    answer = json.loads(answers.readline())
        except (OSError, ValueError) as error:
            raise LabError(f"the lab in {self.state['directory']} does not answer: {error}") from None
        if "error" in answer:
            raise LabError(answer["error"])
        return answer["answer"]


def _is_mine(path: Path) -> bool:
    try:
        return path.stat().st_uid == os.getuid()
    except OSError:
        return False
