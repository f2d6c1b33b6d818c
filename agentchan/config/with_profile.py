"""What must agree between a configuration and its profile. Not imported by the package: profiles load zeep and lxml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agentchan.ce.duties import COMPONENT_DUTIES
from agentchan.ce.profile import Profile
from agentchan.ce.profile_loader import load_profile
from agentchan.ce.profile_reading import ProfileError
from agentchan.config.faults import Fault, Problem, key_text, quoted
from agentchan.config.loading import placed
from agentchan.config.model import Configuration
from agentchan.config.patterns import Patterns


def profile_of(configuration: Configuration) -> Profile:
    """The profile that a configuration names, and that it can work with; blocks while it reads files.

    A path starts from the configuration's folder, whatever the working directory is.

    Raises:
        ProfileError: the profile is faulty, or the two do not fit: all faults at once, with their lines.
    """
    name = configuration.ce.profile
    profile = load_profile(str(configuration.path.parent / Path(name)) if "/" in name else name)
    found = faults(configuration, profile)
    if found:
        raise ProfileError(found)
    return profile


def faults(configuration: Configuration, profile: Profile) -> tuple[Fault, ...]:
    """Everything with which the daemon could not do its work."""
    rules = (_who_is_active, _where_connectors_are, _sign_of_life, _channel_values)
    problems = [problem for rule in rules for problem in rule(configuration, profile)]
    return placed(problems, configuration.path, configuration.lines)


def warnings(configuration: Configuration, profile: Profile) -> tuple[Fault, ...]:
    """What has no effect, or not the one that is meant."""
    return placed(_without_effect(configuration, profile), configuration.path, configuration.lines)


def _asks_connectors(configuration: Configuration) -> bool:
    return configuration.ce.active_by == "connector-answers" and bool(configuration.ivr.channels)


def _who_is_active(configuration: Configuration, profile: Profile) -> Iterator[Problem]:
    if profile.component is not None or _asks_connectors(configuration):
        return
    has_none = f"has no [component_service], so that no host can be asked whether it is active (profile {profile.name})"
    if configuration.ivr.channels:
        allowed = 'add it to the profile, or set active_by = "connector-answers" and agent_channel.connector_urls'
    else:
        allowed = "add it to the profile: frontend mode only asks the component link"
    yield Problem(("ce", "profile"), has_none, allowed)


def _where_connectors_are(configuration: Configuration, profile: Profile) -> Iterator[Problem]:
    if profile.component is None or not configuration.ivr.channels or configuration.agent_channel.connector_urls:
        return
    results = {result for name in COMPONENT_DUTIES if name in profile.mapped for result in _results(profile, name)}
    if "connector_url" not in results:
        yield Problem(
            ("agent_channel", "connector_urls"),
            f"is missing, and the component link does not name them either (profile {profile.name})",
            "a list of IVR Connector URLs, or in the profile a result that is connector_url",
        )


def _results(profile: Profile, duty: str) -> tuple[str, ...]:
    return tuple(profile.mapped[duty].results.values())


def _sign_of_life(configuration: Configuration, profile: Profile) -> Iterator[Problem]:
    if _asks_connectors(configuration) and "heartbeat" not in profile.duties and profile.probe is None:
        what = "would never see a silent host: nothing asks it again and again"
        allowed = f'in profile {profile.name} map heartbeat, or set [ivr_connector] probe = "tcp" or "wsdl"'
        yield Problem(("ce", "active_by"), f'= "connector-answers" {what}', allowed)


def _channel_values(configuration: Configuration, profile: Profile) -> Iterator[Problem]:
    """Every channel needs a value, an empty one if need be, for each key that a required parameter is made of."""
    for key in sorted(key for key, needed in profile.channel_keys.items() if needed):
        without = _without_value(configuration, key)
        if without:
            others = f" and {len(without) - 1} other channels have" if len(without) > 1 else " has"
            yield Problem(
                ("ivr", "channel_values"),
                f"{without[0]}{others} no value {quoted(key)}, which messages of profile {profile.name} must have",
                f'say, [ivr.channel_values."*"] {key_text(key)} = "…"',
            )


def _without_value(configuration: Configuration, key: str) -> list[str]:
    given = Patterns.of(pattern for pattern, values in configuration.ivr.channel_values.items() if key in values)
    return [channel for channel in configuration.ivr.channels if not given.matching(channel)]


def _without_effect(configuration: Configuration, profile: Profile) -> Iterator[Problem]:
    component = {result for name in COMPONENT_DUTIES if name in profile.mapped for result in _results(profile, name)}
    if configuration.ce.domain is not None and (_asks_connectors(configuration) or "domain" not in component):
        what = "has no effect: no host says here to which domain it belongs"
        yield Problem(("ce", "domain"), what, "in the profile map a result that is domain, or leave it out")
    takes_out = "set_readiness" in profile.duties or profile.withholds_gone
    if configuration.ivr.health is not None and not takes_out:
        what = f"takes no channel out: profile {profile.name} cannot tell CE of readiness"
        yield Problem(("ivr", "health"), what, 'map set_readiness, or set not_ready_by = "withhold-gone"')
