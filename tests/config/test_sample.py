"""The sample configuration in etc/."""

from __future__ import annotations

import re
from pathlib import Path

from agentchan.config import Configuration, as_json, parse
from agentchan.config.settings import all_settings

SAMPLE = Path(__file__).parents[2] / "etc" / "agentchan.toml"

EXAMPLES = {
    "ivr.instance_id",
    "ivr.aliases",
    "ivr.channel_values",
    "ivr.health",
    "ce.domain",
    "ce.auto_failover_interval",
    "ce.auth.username",
    "ce.auth.password_file",
    "endpoint_check.tel_gateway",
    "tls.ca_file",
    "tls.certificate_file",
    "tls.key_file",
    "api.listen",
    "api.certificate_file",
    "api.key_file",
    "api.token_file",
    "notify",
}
"""Keys that the sample shows with an example instead of their default."""


def flat(configuration: Configuration) -> dict[str, object]:
    """The dotted keys of the tables, and their values."""
    values: dict[str, object] = {}

    def walk(table: dict[str, object], above: str) -> None:
        for key, value in table.items():
            if isinstance(value, dict) and above + key not in EXAMPLES:
                walk(value, f"{above}{key}.")
            else:
                values[above + key] = value

    walk(as_json(configuration), "")
    return values


def everything() -> Configuration:
    """The sample with every commented line set."""
    text = re.sub(r"^#(?=[\[\]\"a-z])", "", SAMPLE.read_text(), flags=re.MULTILINE)
    return parse(text.encode(), SAMPLE, host_name="h")


def test_the_sample_is_a_configuration() -> None:
    """As it is shipped it has no fault, and gives nobody cause for a warning."""
    configuration = parse(SAMPLE.read_bytes(), SAMPLE, host_name="h")
    assert configuration.warnings == ()
    assert configuration.given == {("ivr", "name"), ("ivr", "channels"), ("component_link", "urls")}


def test_every_comment_in_the_sample_is_the_default_or_a_known_example() -> None:
    """With every line set, only the examples differ from the sample as it is."""
    before, after = flat(parse(SAMPLE.read_bytes(), SAMPLE, host_name="h")), flat(everything())
    assert {key for key in before if before[key] != after[key]} == EXAMPLES


def test_the_sample_shows_every_key() -> None:
    """No key of the model is missing from the sample."""
    given = {tuple(step for step in place if isinstance(step, str)) for place in everything().given}
    assert given == {place for place, _ in all_settings(Configuration)}
