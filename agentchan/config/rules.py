"""What must agree between keys: faults, and warnings about what is allowed but looks like a mistake."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator

from agentchan.config.addresses import is_loopback, url_host
from agentchan.config.faults import Problem
from agentchan.config.model import Configuration
from agentchan.config.patterns import WILDCARD

Sound = Callable[..., bool]
"""Whether nothing is wrong with the given dotted keys: only then may a rule look at them."""

_WORLD_WRITABLE = 0o002
# Each costs a look at every channel.
_MOSTWILDCARDS = 100


def faults(configuration: Configuration, sound: Sound) -> Iterator[Problem]:
    """Every contradiction between keys that are sound in themselves."""
    for rule in (_who_is_asked, _channel_names, _order_of_times, _pairs, _authentication, _open_door, _notify):
        yield from rule(configuration, sound)


def _who_is_asked(configuration: Configuration, sound: Sound) -> Iterator[Problem]:
    if not sound("ce.active_by", "component_link.urls", "agent_channel.connector_urls", "ivr.channels"):
        return
    urls = ("component_link", "urls")
    if configuration.ce.active_by == "component-link":
        if not configuration.component_link.urls:
            yield Problem(
                urls, "is missing", 'a list of Component Service URLs, unless ce.active_by = "connector-answers"'
            )
        return
    if not configuration.ivr.channels and not configuration.component_link.urls:
        yield Problem(urls, "is missing", "ivr.channels = [] is frontend mode, which only asks the component link")
    if configuration.ivr.channels and not configuration.agent_channel.connector_urls:
        yield Problem(
            ("agent_channel", "connector_urls"),
            "is missing",
            'a list of IVR Connector URLs, since ce.active_by = "connector-answers"',
        )


def _channel_names(configuration: Configuration, sound: Sound) -> Iterator[Problem]:
    if not sound("ivr.channels", "ivr.aliases"):
        return
    channels = frozenset(configuration.ivr.channels)
    for alias, channel in configuration.ivr.aliases.items():
        place = ("ivr", "aliases", alias)
        if channel not in channels:
            yield Problem(place, "names a channel that ivr.channels does not have", "one of ivr.channels")
        elif alias in channels and alias != channel:
            yield Problem(place, "is itself the name of another channel", "a name that no channel has")


def _order_of_times(configuration: Configuration, sound: Sound) -> Iterator[Problem]:
    agent_channel = configuration.agent_channel
    if (
        sound("agent_channel.backoff_initial", "agent_channel.backoff_maximum")
        and agent_channel.backoff_initial > agent_channel.backoff_maximum
    ):
        yield Problem(
            ("agent_channel", "backoff_initial"),
            "is longer than backoff_maximum",
            "at most agent_channel.backoff_maximum",
        )
    too_long = ("is longer than interval", "at most the interval of the same section")
    check = configuration.endpoint_check
    if sound("endpoint_check.interval", "endpoint_check.timeout") and check.timeout > check.interval:
        yield Problem(("endpoint_check", "timeout"), *too_long)
    health = configuration.ivr.health
    if sound("ivr.health.interval", "ivr.health.timeout") and health and health.timeout > health.interval:
        yield Problem(("ivr", "health", "timeout"), *too_long)


def _pairs(configuration: Configuration, sound: Sound) -> Iterator[Problem]:
    for section in ("tls", "api"):
        files = getattr(configuration, section)
        certificate, key = "certificate_file", "key_file"
        if not sound(f"{section}.{certificate}", f"{section}.{key}"):
            continue
        if files.certificate_file and not files.key_file:
            yield Problem((section, certificate), "is set without key_file", "both or neither")
        if files.key_file and not files.certificate_file:
            yield Problem((section, key), "is set without certificate_file", "both or neither")


def _authentication(configuration: Configuration, sound: Sound) -> Iterator[Problem]:
    auth = configuration.ce.auth
    if not sound("ce.auth.method") or auth.method == "none":
        return
    for name, value in (("username", auth.username), ("password_file", auth.password_file)):
        if sound(f"ce.auth.{name}") and not value:
            yield Problem(("ce", "auth", name), "is missing", f'needed by ce.auth.method = "{auth.method}"')
    if auth.method == "basic" and sound("ce.auth.username") and auth.username and ":" in auth.username:
        yield Problem(("ce", "auth", "username"), "has a colon", "none with basic (RFC 7617, section 2)")


def _open_door(configuration: Configuration, sound: Sound) -> Iterator[Problem]:
    api = configuration.api
    if not sound("api.listen", "api.allow", "api.token_file"):
        return
    if api.listen and not is_loopback(api.listen[0]) and not api.token_file:
        for index, network in enumerate(api.allow):
            if network.prefixlen == 0:
                what = "lets everybody in without a token: anyone could report calls that never were"
                yield Problem(("api", "allow", index), what, "the networks of the IVRs, or set api.token_file")


def _notify(configuration: Configuration, sound: Sound) -> Iterator[Problem]:
    if not sound("notify"):
        return
    for index, entry in enumerate(configuration.notify):
        if bool(entry.command) == bool(entry.url):
            what = "has both command and url" if entry.url else "has neither command nor url"
            yield Problem(("notify", index), what, "one of the two")
        if entry.command and not entry.command[0].startswith("/"):
            yield Problem(("notify", index, "command", 0), "is no absolute path", "such as /usr/bin/logger")


def warnings(configuration: Configuration) -> Iterator[Problem]:
    """What a configuration without faults should be asked about."""
    for rule in (_outside_callers, _readable_passwords, _without_effect):
        yield from rule(configuration)


def _outside_callers(configuration: Configuration) -> Iterator[Problem]:
    api = configuration.api
    if api.socket_mode & _WORLD_WRITABLE:
        what = "lets every user of this machine change readiness"
        yield Problem(("api", "socket_mode"), what, '"0660" and a group are safer')
    if api.listen is None or is_loopback(api.listen[0]):
        return
    place = ("api", "listen")
    if all(network.is_loopback for network in api.allow):
        yield Problem(place, "is reachable from outside, but api.allow lets nobody in", "name the networks there")
    elif api.token_file is None:
        what = "lets the machines of api.allow report calls without a token"
        yield Problem(place, what, "set api.token_file, unless that network is closed")
    elif api.certificate_file is None:
        what = "lets the token cross the network in the clear"
        yield Problem(place, what, "set api.certificate_file and api.key_file")


def _readable_passwords(configuration: Configuration) -> Iterator[Problem]:
    if configuration.ce.auth.method == "none":
        return
    for section, key, urls in (
        ("component_link", "urls", configuration.component_link.urls),
        ("agent_channel", "connector_urls", configuration.agent_channel.connector_urls),
    ):
        for index, url in enumerate(urls):
            if url.lower().startswith("http://") and not is_loopback(url_host(url)):
                yield Problem((section, key, index), "lets the password cross the network in the clear", "use https")


def _unmatched(patterns: Iterable[str], channels: tuple[str, ...]) -> Iterator[str]:
    """The patterns that match no channel, of those that are plain names and of the first wildcards."""
    names = frozenset(channels)
    tried = 0
    for pattern in patterns:
        if not WILDCARD.search(pattern):
            if pattern not in names:
                yield pattern
            continue
        tried += 1
        if tried <= _MOSTWILDCARDS and not any(map(re.compile(fnmatch.translate(pattern)).match, channels)):
            yield pattern


def _without_effect(configuration: Configuration) -> Iterator[Problem]:
    for pattern in _unmatched(configuration.ivr.channel_values, configuration.ivr.channels):
        unmatched = ("ivr", "channel_values", pattern)
        yield Problem(unmatched, "matches no channel", "a shell pattern of names in ivr.channels")
    if configuration.calls.on_ivr_down == "gone" and configuration.ivr.health is None:
        yield Problem(("calls", "on_ivr_down"), "has no effect without [ivr.health]", "add that section")
    check = configuration.endpoint_check
    for index, endpoint in enumerate(check.endpoints):
        if endpoint.lower().startswith("tel:") and check.tel_gateway is None:
            place = ("endpoint_check", "endpoints", index)
            yield Problem(place, "will always be unknown", "set endpoint_check.tel_gateway")
