"""What is shown as TOML, JSON or XML can be used as it stands."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agentchan.ce.profile import SHIPPED, shipped
from agentchan.ce.profile_loader import load_profile
from agentchan.ce.profile_reading import ProfileError
from agentchan.ce.xml_input import parse_xml
from agentchan.config import Configuration, load
from agentchan.config.settings import sections_of
from tests.docs.pages import Block, blocks

SECTIONS = {name for name, _ in sections_of(Configuration)}
LEAST = {
    "ivr": {"name": "ivr1", "channels": ["ivr1-{001..120}"]},
    "component_link": {"urls": ["https://ce1.example.com:8094/ComponentService"]},
}
TOML = blocks("toml")


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables one into the other; what is above counts."""
    both = dict(below)
    for key, value in above.items():
        inner = both.get(key)
        both[key] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both


def inline(value: Any) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {inline(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    return json.dumps(value)


def written(table: Mapping[str, Any], path: Path) -> Path:
    """A TOML file with a table in it."""
    path.write_text("".join(f"{json.dumps(key)} = {inline(value)}\n" for key, value in table.items()), encoding="utf-8")
    return path


def profile_faults(profile: Mapping[str, Any], shipped_one: str, folder: Path) -> str:
    """What is wrong with a shipped profile into which this is merged; empty where nothing is."""
    place = folder / shipped_one
    shutil.copytree(SHIPPED / shipped_one, place)
    path = place / "profile.toml"
    written(merged(tomllib.loads(path.read_text(encoding="utf-8")), profile), path)
    try:
        load_profile(str(place))
    except ProfileError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("block", TOML, ids=str)
def test_toml(block: Block, tmp_path: Path) -> None:
    """It is a configuration, or a profile, where the rest is as usual: of a shipped profile."""
    table = tomllib.loads(block.text)
    if set(table) <= SECTIONS:
        load(written(merged(LEAST, table), tmp_path / "agentchan.toml"), environment=False)
    else:
        found = {name: profile_faults(table, name, tmp_path) for name in shipped()}
        assert "" in found.values(), found


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json(block: Block) -> None:
    """Each line is a value."""
    for line in block.text.splitlines():
        json.loads(line)


@pytest.mark.parametrize("block", blocks("xml"), ids=str)
def test_xml(block: Block) -> None:
    """It is well-formed, and would be taken."""
    parse_xml(block.text.encode())
