"""Configurations for the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentchan.config import Configuration, ConfigurationError, Fault, parse

FILE = Path("/etc/agentchan/agentchan.toml")

MINIMAL = """\
[ivr]
name = "ivr1"
channels = ["ivr1-{001..003}"]
[component_link]
urls = ["https://ce1.example.com:8094/ComponentService"]
"""

PRINTED = """\
[ivr]
name = "ivr1"
channels = ["ivr1-{001..120}"]
instance_id = "host-a"
[ivr.aliases]
"sip:7001@pbx.example.com" = "ivr1-001"
[ivr.channel_values."ivr1-0*"]
campaign = "billing"

[ivr.health]
check = "sip:ivr@127.0.0.1:5060"
interval = "5s"
timeout = "500ms"
fall = 3
rise = 2

[ce]
profile = "reference"
domain = "contact-centre"
active_by = "component-link"
auto_failover_interval = "5m"
[ce.auth]
method = "none"
username = "ivr"
password_file = "/etc/agentchan/ce-password"

[component_link]
urls = ["https://ce1.example.com:8094/ComponentService", "https://ce2.example.com:8094/ComponentService"]
timeout = "1s"
watch_wait = "1s"
poll_interval = "1s"

[agent_channel]
connector_urls = []
connect_timeout = "1s"
reply_timeout = "2s"
heartbeat_interval = "500ms"
heartbeat_misses = 3
backoff_initial = "100ms"
backoff_maximum = "5s"
drain_on_stop = "0s"
ready_rate = 0

[signals]
lanes = 4
reply_timeout = "2s"
new_call_max_age = "24h"
refuse_after = "10m"
retry_guard = "10s"
ended_call = "send"
unknown_calls = "report"

[calls]
on_ivr_down = "keep"
on_ivr_down_after = "1m"
max_duration = "4h"
on_max = "warn"

[endpoint_check]
enabled = false
endpoints = []
interval = "5s"
timeout = "500ms"
fall = 2
rise = 1
unavailable_codes = [408, 480, 503]
tel_gateway = ""

[tls]
ca_file = "/etc/agentchan/ca.pem"
certificate_file = "/etc/agentchan/client.pem"
key_file = "/etc/agentchan/client.key"

[api]
socket = "/run/agentchan/agentchan.sock"
socket_mode = "0660"
listen = "127.0.0.1:8093"
certificate_file = ""
key_file = ""
token_file = ""
allow = ["127.0.0.0/8", "::1/128"]
soap_reply = "accepted"
other_operations = "refuse"

[journal]
path = "/var/lib/agentchan/journal.sqlite3"
keep = "7d"

[log]
level = "info"
format = "auto"
mask_numbers = false

[[notify]]
events = ["failover", "stuck"]
command = ["/usr/bin/logger", "agentchan"]

[[notify]]
events = ["refused"]
url = "https://alerts.example.com/agentchan?room=1"
timeout = "10s"
"""
"""Every key, with the values that the product's description prints."""


def good(text: str, *, environment: bool = False) -> Configuration:
    """The configuration that the text is."""
    return parse(text.encode(), FILE, environment=environment, host_name="host-a")


def faults(text: str | bytes, *, environment: bool = False) -> list[str]:
    """The faults of the text, without the file's name."""
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ConfigurationError) as caught:
        parse(data, FILE, environment=environment, host_name="host-a")
    return [str(fault).removeprefix(f"{FILE}:") for fault in caught.value.faults]


def outcome(data: bytes) -> tuple[Fault, ...] | None:
    """The faults of the data; None where it is a configuration."""
    try:
        parse(data, FILE)
    except ConfigurationError as error:
        return error.faults
    return None


def with_key(dotted: str, value: str) -> str:
    """The minimal configuration with one key set anew."""
    section, _, key = dotted.rpartition(".")
    lines = MINIMAL.splitlines()
    header = f"[{section}]"
    if header not in lines:
        lines.append(header)
    kept = [line for line in lines if not (line.startswith(f"{key} =") and section in ("ivr", "component_link"))]
    kept.insert(kept.index(header) + 1, f"{key} = {value}")
    return "\n".join(kept) + "\n"
