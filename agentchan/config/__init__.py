"""The configuration: a TOML file in, a frozen value out, or every fault at once with its line."""

from __future__ import annotations

from agentchan.config.calls import Calls, EndpointCheck, Signals
from agentchan.config.ce import AgentChannel, Auth, Ce, ComponentLink, Tls
from agentchan.config.changes import Changes, applicable, changes
from agentchan.config.durations import format_duration, parse_duration
from agentchan.config.faults import ConfigurationError, Fault
from agentchan.config.ivr import Health, Ivr
from agentchan.config.loading import DEFAULT_PATH, VARIABLE, find, load, parse
from agentchan.config.model import Configuration, Contents
from agentchan.config.service import NOTIFY_EVENTS, Api, Journal, Log, Notify
from agentchan.config.showing import as_json, reference, show

__all__ = [
    "DEFAULT_PATH",
    "NOTIFY_EVENTS",
    "VARIABLE",
    "AgentChannel",
    "Api",
    "Auth",
    "Calls",
    "Ce",
    "Changes",
    "ComponentLink",
    "Configuration",
    "ConfigurationError",
    "Contents",
    "EndpointCheck",
    "Fault",
    "Health",
    "Ivr",
    "Journal",
    "Log",
    "Notify",
    "Signals",
    "Tls",
    "applicable",
    "as_json",
    "changes",
    "find",
    "format_duration",
    "load",
    "parse",
    "parse_duration",
    "reference",
    "show",
]
