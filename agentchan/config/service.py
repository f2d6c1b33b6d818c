"""The keys about the daemon itself: its API, its journal, its log, and whom it tells."""

# ruff: noqa: RUF009  setting() and section() give attrs fields, which ruff cannot know

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from attrs import frozen

from agentchan.config.addresses import ListenAddress, Network, Url
from agentchan.config.kinds import (
    SOCKET_PATH,
    Argument,
    Choice,
    Duration,
    FilePath,
    Flag,
    ListOf,
    Maybe,
    Mode,
)
from agentchan.config.settings import setting

NOTIFY_EVENTS = ("failover", "stuck", "refused", "contended", "ambiguous", "certificate-expiring")
"""What a ``[[notify]]`` entry can be told."""


@frozen
class Api:
    """The two doors of the API."""

    socket: Path = setting(
        SOCKET_PATH,
        "The Unix socket for operators and the command line.",
        default="/run/agentchan/agentchan.sock",
        restart=True,
    )
    socket_mode: int = setting(Mode(), "The socket's permissions.", default="0660", restart=True)
    listen: tuple[str, int] | None = setting(
        Maybe(ListenAddress()),
        "Optional TCP listener for IVR scripts, probes and Prometheus.",
        default="",
        restart=True,
    )
    certificate_file: Path | None = setting(
        Maybe(FilePath()), "Server certificate with its chain, PEM: https on listen.", default="", restart=True
    )
    key_file: Path | None = setting(Maybe(FilePath()), "Its private key, PEM, not encrypted.", default="", restart=True)
    token_file: Path | None = setting(
        Maybe(FilePath()),
        "The file with the token that is required on listen as Bearer or Basic password.",
        default="",
        restart=True,
    )
    allow: tuple[IPv4Network | IPv6Network, ...] = setting(
        ListOf(Network()), "Who may connect to listen.", default=["127.0.0.0/8", "::1/128"], restart=True
    )
    soap_reply: str = setting(
        Choice(("accepted", "confirmed")),
        "The SOAP door answers when the signal is on disk, or when CE has answered (within reply_timeout).",
        default="accepted",
        restart=True,
    )
    other_operations: str = setting(
        Choice(("refuse", "forward")),
        "The SOAP door, for operations that are no duty: refuse them, or forward them to the active host.",
        default="refuse",
        restart=True,
    )


@frozen
class Journal:
    """What is kept on disk."""

    path: Path = setting(FilePath(), "The SQLite file.", default="/var/lib/agentchan/journal.sqlite3", restart=True)
    keep: float = setting(Duration("1m", "3650d"), "How long confirmed signals and ended calls are kept.", default="7d")


@frozen
class Log:
    """What is logged, and how."""

    level: str = setting(Choice(("debug", "info", "warning", "error")), "The least level.", default="info")
    format: str = setting(
        Choice(("auto", "journald", "text", "json")),
        "auto: journald fields under systemd, else text.",
        default="auto",
    )
    mask_numbers: bool = setting(
        Flag(), "Whether callers' numbers are masked in logs, events and lists.", default=False
    )


@frozen
class Notify:
    """Somebody who is told of events: a command is run, or a webhook is posted to."""

    events: tuple[str, ...] = setting(ListOf(Choice(NOTIFY_EVENTS), least=1, most=len(NOTIFY_EVENTS)), "Which events.")
    command: tuple[str, ...] = setting(
        ListOf(Argument(), most=64, sameness=None),
        "The program, by absolute path, and its arguments, run without a shell; the event comes as JSON on its input.",
        default=[],
    )
    url: str | None = setting(
        Maybe(Url(query=True)),
        "Where the event is posted as JSON; either this or command.",
        default="",
    )
    timeout: float = setting(Duration("100ms", "5m"), "How long the command or the post may take.", default="5s")
