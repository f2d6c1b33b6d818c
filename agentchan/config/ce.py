"""The keys that say where CE is and how to speak to it."""

# ruff: noqa: RUF009  setting() and section() give attrs fields, which ruff cannot know

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from agentchan.config.addresses import Url, same_url
from agentchan.config.kinds import Choice, Duration, FilePath, ListOf, Maybe, ProfileName, Token, Whole
from agentchan.config.settings import section, setting

_SERVICE_URLS = ListOf(Url(), most=16, sameness=same_url)


@frozen
class Auth:
    """How the daemon proves to CE who it is."""

    method: str = setting(
        Choice(("none", "basic", "wsse-username")),
        "HTTP Basic, or a WS-Security UsernameToken, or nothing.",
        default="none",
        restart=True,
    )
    username: str | None = setting(Maybe(Token(200)), "The user's name.", default="", restart=True)
    password_file: Path | None = setting(
        Maybe(FilePath()), "The file with the password; a line break at its end is not part of it.", default=""
    )


@frozen
class Ce:
    """The Contact Expert domain."""

    profile: str = setting(
        ProfileName(),
        "A shipped profile's name, or the path of a site profile.",
        default="reference",
        restart=True,
    )
    domain: str | None = setting(Maybe(Token(128)), "Hosts of any other domain are refused.", default="", restart=True)
    active_by: str = setting(
        Choice(("component-link", "connector-answers")),
        "Who says which host is active: its Component Service, or the first connector in line that accepts.",
        default="component-link",
        restart=True,
    )
    auto_failover_interval: float | None = setting(
        Maybe(Duration("1s", "7d")), "CE's own setting; used in explanations and alerts only.", default=""
    )
    auth: Auth = section(Auth, "How the daemon proves to CE who it is.")


@frozen
class ComponentLink:
    """The Component Service URLs, which the vendor also calls the integration link."""

    urls: tuple[str, ...] = setting(
        _SERVICE_URLS,
        "The Component Service URLs, in line; required unless active_by is connector-answers.",
        default=[],
        restart=True,
    )
    timeout: float = setting(Duration("10ms", "1m"), "How long a request may take.", default="1s")
    # The reference contract lets a host hold a watch request back for a minute at most.
    watch_wait: float = setting(
        Duration("10ms", "1m"),
        "MaxWait of watch requests; their deadline is watch_wait + timeout.",
        default="1s",
    )
    poll_interval: float = setting(
        Duration("10ms", "10m"),
        "Time between questions where the profile has no watch; the longest pause before a failed URL is asked again.",
        default="1s",
    )


@frozen
class AgentChannel:
    """The one persistent connection to the active host's IVR Connector."""

    connector_urls: tuple[str, ...] = setting(
        _SERVICE_URLS,
        "IVR Connector URLs, in line; needed where the component link does not name them, and overrides what it names.",
        default=[],
        restart=True,
    )
    connect_timeout: float = setting(Duration("10ms", "1m"), "How long TCP may take to connect.", default="1s")
    reply_timeout: float = setting(
        Duration("10ms", "5m"), "How long a reply may take, of every request but the heartbeat.", default="2s"
    )
    heartbeat_interval: float = setting(
        Duration("10ms", "1m"),
        "Time between heartbeats; shortened to a third of the server's SessionTimeout where that is less.",
        default="500ms",
    )
    heartbeat_misses: int = setting(
        Whole(1, 100),
        "So many intervals without a byte from CE after an unanswered heartbeat, and the connection counts as dead.",
        default=3,
    )
    backoff_initial: float = setting(
        Duration("100ms", "5m"), "The first pause after a failed attempt on the same host.", default="100ms"
    )
    backoff_maximum: float = setting(
        Duration("100ms", "1h"), "The longest pause; not shorter than backoff_initial.", default="5s"
    )
    drain_on_stop: float = setting(Duration("0s", "24h"), "How long SIGTERM waits for calls in progress.", default="0s")
    ready_rate: int = setting(
        Whole(0, 100_000), "Channels made ready per second after a sign-on; 0 is all at once.", default=0
    )


@frozen
class Tls:
    """TLS towards every https and sips or TLS peer."""

    ca_file: Path | None = setting(
        Maybe(FilePath()), "Trusted certificate authorities, PEM; by default those of the system.", default=""
    )
    certificate_file: Path | None = setting(
        Maybe(FilePath()), "The client certificate with its chain, PEM.", default=""
    )
    key_file: Path | None = setting(
        Maybe(FilePath()), "The client certificate's private key, PEM, not encrypted.", default=""
    )
