"""What a reload can apply."""

from __future__ import annotations

import attrs
import pytest

from agentchan.config import Changes, Configuration, Contents, applicable, changes
from agentchan.config.settings import all_settings
from agentchan.vocabulary import Secret
from tests.config.texts import MINIMAL, PRINTED, good

RESTART = {
    "ivr.name",
    "ivr.instance_id",
    "ce.profile",
    "ce.domain",
    "ce.active_by",
    "ce.auth.method",
    "ce.auth.username",
    "component_link.urls",
    "agent_channel.connector_urls",
    "api.socket",
    "api.socket_mode",
    "api.listen",
    "api.certificate_file",
    "api.key_file",
    "api.token_file",
    "api.allow",
    "api.soap_reply",
    "api.other_operations",
    "journal.path",
}

OTHER = {
    "ivr.name": '"ivr2"',
    "ivr.channels": '["ivr1-{001..121}"]',
    "ivr.instance_id": '"host-b"',
    "ce.profile": '"minimum"',
    "ce.domain": '"other"',
    "ce.active_by": '"connector-answers"',
    "ce.auto_failover_interval": '"6m"',
    "ce.auth.method": '"basic"',
    "ce.auth.username": '"other"',
    "ce.auth.password_file": '"/other"',
    "component_link.urls": '["http://other"]',
    "agent_channel.connector_urls": '["http://other"]',
    "signals.ended_call": '"gone-only"',
    "signals.unknown_calls": '"gone"',
    "calls.on_ivr_down": '"gone"',
    "calls.on_max": '"gone"',
    "endpoint_check.enabled": "true",
    "endpoint_check.endpoints": '["sip:a"]',
    "endpoint_check.unavailable_codes": "[503]",
    "endpoint_check.tel_gateway": '"sip:{number}@h"',
    "tls.ca_file": '"/other"',
    "tls.certificate_file": '"/other"',
    "tls.key_file": '"/other"',
    "api.socket": '"/other"',
    "api.socket_mode": '"0600"',
    "api.listen": '"127.0.0.1:1"',
    "api.token_file": '"/other"',
    "api.allow": "[]",
    "api.soap_reply": '"confirmed"',
    "api.other_operations": '"forward"',
    "journal.path": '"/other"',
    "log.level": '"debug"',
    "log.format": '"json"',
    "log.mask_numbers": "true",
}


def changed(key: str) -> Configuration:
    """The printed configuration with one key changed, and what it cannot be without."""
    section, _, name = key.rpartition(".")
    lines, current = PRINTED.splitlines(), ""
    for number, line in enumerate(lines):
        current = line.strip("[]") if line.startswith("[") else current
        if current == section and line.startswith(f"{name} ="):
            value = line.split("= ")[1]
            number_or_duration = str(int(value) + 1) if value.isdigit() else value.replace('"', '"1', 1)
            lines[number] = f"{name} = {OTHER.get(key, number_or_duration)}"
    text = "\n".join(lines)
    if key == "ce.active_by":
        text = text.replace("connector_urls = []", 'connector_urls = ["http://h"]')
    return good(text)


SINGLE = [
    ".".join(place)
    for place, _ in all_settings(Configuration)
    if place[0] != "notify" and place[:2] not in {("ivr", "health"), ("ivr", "aliases"), ("ivr", "channel_values")}
]
PAIRED = {"api.certificate_file", "api.key_file", "ce.active_by"}


def test_every_key_is_in_exactly_one_class() -> None:
    """The keys that need a restart are those of the list; a reload applies all others."""
    restart = {".".join(place) for place, about in all_settings(Configuration) if about.restart}
    assert restart == RESTART


@pytest.mark.parametrize("key", sorted(set(SINGLE) - PAIRED))
def test_a_changed_key_is_reported_in_its_class(key: str) -> None:
    """One key changed is one key reported, as applied or as needing a restart."""
    old, new = good(PRINTED), changed(key)
    expected = Changes(needs_restart=(key,)) if key in RESTART else Changes(applied=(key,))
    assert changes(old, new) == expected
    assert (changes(old, applicable(old, new)) == Changes()) == (key in RESTART)


def test_keys_that_go_in_pairs_are_both_reported() -> None:
    """Who is asked, and where, are two keys that need a restart."""
    assert changes(good(PRINTED), changed("ce.active_by")).needs_restart == (
        "ce.active_by",
        "agent_channel.connector_urls",
    )


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("", '[ivr.aliases]\na = "ivr1-001"', "ivr.aliases"),
        ("", '[ivr.channel_values.ivr1-001]\na = "1"', "ivr.channel_values"),
        ("", '[ivr.health]\ncheck = "sip:a"', "ivr.health"),
        ('[ivr.health]\ncheck = "sip:a"', '[ivr.health]\ncheck = "sip:b"', "ivr.health.check"),
        ("", '[[notify]]\nevents = ["stuck"]\nurl = "http://h"', "notify"),
    ],
)
def test_tables_are_applied(old: str, new: str, key: str) -> None:
    """Tables that come, change or go are applied, and reported under the name that they have."""
    before, after = good(MINIMAL + old), good(MINIMAL + new)
    assert changes(before, after) == Changes(applied=(key,))
    assert applicable(before, after) == after


def test_the_same_said_otherwise_is_no_change() -> None:
    """Defaults written out, and ranges written in full, change nothing."""
    full = MINIMAL.replace("ivr1-{001..003}", 'ivr1-001", "ivr1-002", "ivr1-003') + '[log]\nlevel = "info"\n'
    assert changes(good(MINIMAL), good(full)) == Changes()


def test_frontend_mode_begins_and_ends_with_a_restart() -> None:
    """From channels to none, or back, is another daemon; until then the old channels and their aliases stay."""
    channels = good(MINIMAL + '[ivr.aliases]\na = "ivr1-001"')
    frontend = good(MINIMAL.replace('["ivr1-{001..003}"]', "[]"))
    assert changes(channels, frontend) == Changes(applied=("ivr.aliases",), needs_restart=("ivr.channels",))
    assert changes(frontend, channels).needs_restart == ("ivr.channels",)
    assert applicable(channels, frontend) == channels


def test_a_file_with_other_content_is_a_change_that_is_applied() -> None:
    """A new password, token or certificate in the same file is reported under the file's key."""
    old = good(PRINTED)
    contents = Contents(Secret("a"), Secret("b"), (("tls.key_file", "1"), ("tls.ca_file", "2")))
    new = attrs.evolve(old, contents=contents)
    keys = ("ce.auth.password_file", "api.token_file", "tls.ca_file", "tls.key_file")
    assert changes(old, new) == Changes(applied=keys)
    assert changes(new, new) == Changes()
    assert applicable(old, new) == new
    moved = attrs.evolve(changed("tls.ca_file"), contents=attrs.evolve(contents, ce_password=None, api_token=None))
    assert changes(old, moved).applied == ("tls.ca_file", "tls.key_file")


def test_the_old_account_keeps_its_password_until_the_restart() -> None:
    """A password is not used with a user that it does not belong to, nor a token with another file's door."""
    old = attrs.evolve(good(PRINTED), contents=Contents(Secret("old"), Secret("old")))
    for key in ("ce.auth.username", "api.token_file"):
        new = attrs.evolve(changed(key), contents=Contents(Secret("new"), Secret("new")))
        kept = applicable(old, new).contents
        assert (kept.ce_password == Secret("old")) == (key == "ce.auth.username")
        assert (kept.api_token == Secret("old")) == (key == "api.token_file")
    assert applicable(old, changed("ce.auth.username")).ce.auth == old.ce.auth
