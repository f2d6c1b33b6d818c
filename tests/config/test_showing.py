"""The effective configuration as text, and the reference of all keys."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.config import Configuration, as_json, reference, show
from agentchan.config.settings import all_settings, sections_of
from tests.config.texts import MINIMAL, PRINTED, good

NESTED = """
[ivr.channel_values.empty]
[ivr.channel_values."*"]
"a" = "\\u007f\\"" """.replace("\\u007f", "é")

WIDE = MINIMAL.replace('["ivr1-{001..003}"]', json.dumps([f"channel-{number}" for number in range(50)]))


@pytest.mark.parametrize("text", [MINIMAL, PRINTED, MINIMAL + NESTED, WIDE])
def test_what_is_shown_reads_as_the_same_configuration(text: str) -> None:
    """The text is TOML, and an equal configuration comes out of it."""
    configuration = good(text)
    assert good(show(configuration)) == configuration


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cn"]), min_size=1, max_size=20).map(
    lambda text: " ".join(text.replace("{", "(").replace("}", ")").split()) or "x"
)


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@given(NAMES, st.dictionaries(NAMES, NAMES, max_size=3), st.integers(100, 300_000))
def test_any_text_survives_being_shown(name: str, values: dict[str, str], milliseconds: int) -> None:
    """Quotes, backslashes and foreign letters in names and values are written so that they read the same."""
    patterns = "".join(
        f"[ivr.channel_values.{_toml(pattern)}]\nv = {_toml(value)}\n" for pattern, value in values.items()
    )
    text = f'[ivr]\nname = {_toml(name)}\nchannels = [{_toml(name)}]\n[component_link]\nurls = ["http://h"]\n'
    configuration = good(f'{text}[agent_channel]\nreply_timeout = "{milliseconds}ms"\n{patterns}')
    assert good(show(configuration)) == configuration


def test_defaults_are_marked_and_ranges_stay_as_written() -> None:
    """A key that the file has stands as it is, a default is marked, what is not set is said."""
    lines = show(good(MINIMAL + '[agent_channel]\nreply_timeout = "2s"\n')).splitlines()
    assert lines[0] == '# The effective configuration of "/etc/agentchan/agentchan.toml"'
    for line in (
        'channels = ["ivr1-{001..003}"]',
        'instance_id = "host-a"  # default',
        'reply_timeout = "2s"',
        'heartbeat_interval = "500ms"  # default',
        "# domain is not set",
        "# [ivr.health] is not set",
    ):
        assert line in lines


def test_json_has_every_key_in_the_form_of_the_file() -> None:
    """Durations, modes and networks are written as in TOML, what is not set is null."""
    values = json.loads(json.dumps(as_json(good(PRINTED))))
    assert values["ivr"]["channels"] == ["ivr1-{001..120}"]
    assert values["ivr"]["health"]["timeout"] == "500ms"
    assert values["api"]["socket_mode"] == "0660"
    assert values["api"]["listen"] == "127.0.0.1:8093"
    assert values["api"]["token_file"] is None
    assert values["notify"][1]["url"] == "https://alerts.example.com/agentchan?room=1"
    assert as_json(good(MINIMAL))["ivr"]["health"] is None
    assert {name for name, _ in sections_of(Configuration)} == set(values)


def test_channels_without_ranges_are_shown_in_full() -> None:
    """A configuration made by a program, not a file, has its channels shown one by one."""
    configuration = good(MINIMAL)
    about = dict(all_settings(Configuration))["ivr", "channels"]
    assert about.kind.plain(("a", "b")) == ["a", "b"]
    assert about.kind.plain(configuration.ivr.channels) == ["ivr1-{001..003}"]


def test_the_reference_names_every_key() -> None:
    """Each key has one row with five cells: type, default, what a change needs, meaning."""
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [place[-1] for place, _ in all_settings(Configuration)]
    assert "| `heartbeat_misses` | integer | `3` | reload | " in reference()
    assert "| `instance_id` | name | the host name | restart | " in reference()
    assert "| `name` | name | required | restart | " in reference()
    assert "| `listen` | address:port | not set | restart | " in reference()
    assert "## `[[notify]]`" in reference()
