"""The whole configuration as one frozen value."""

# ruff: noqa: RUF009  setting() and section() give attrs fields, which ruff cannot know

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
from attrs import frozen

from agentchan.config.calls import Calls, EndpointCheck, Signals
from agentchan.config.ce import AgentChannel, Ce, ComponentLink, Tls
from agentchan.config.faults import Fault, Place
from agentchan.config.ivr import Ivr
from agentchan.config.service import Api, Journal, Log, Notify
from agentchan.config.settings import listed_sections, section
from agentchan.vocabulary import Secret


@frozen
class Contents:
    """What was in the files that the configuration names, when it was loaded.

    Attributes:
        ce_password: of ``ce.auth.password_file``; None where there is none, or the files were not read.
        api_token: of ``api.token_file``; likewise.
        digests: the dotted key of each PEM file and the SHA-256 of its content, in hexadecimal.
    """

    ce_password: Secret | None = None
    api_token: Secret | None = None
    digests: tuple[tuple[str, str], ...] = ()


@frozen
class Configuration:
    """A configuration without faults; its attributes are named as the TOML keys.

    Attributes:
        contents: secrets and the like, from files.
        path: the file that it came from.
        given: the keys that stand in the file; the others have their defaults.
        lines: where they stand.
        warnings: what is allowed but looks like a mistake.
    """

    ivr: Ivr = section(Ivr, "The IVR as CE knows it.")
    ce: Ce = section(Ce, "The Contact Expert domain.")
    component_link: ComponentLink = section(
        ComponentLink, "The Component Service URLs, which the vendor also calls the integration link."
    )
    agent_channel: AgentChannel = section(
        AgentChannel, "The one persistent connection to the active host's IVR Connector."
    )
    signals: Signals = section(Signals, "Call signals: NewCall and Gone.")
    calls: Calls = section(Calls, "What happens to open calls.")
    endpoint_check: EndpointCheck = section(
        EndpointCheck, "Probing SIP endpoints; off unless enabled, as the vendor does it."
    )
    tls: Tls = section(Tls, "TLS towards every https and sips or TLS peer.")
    api: Api = section(Api, "The two doors of the API.")
    journal: Journal = section(Journal, "What is kept on disk.")
    log: Log = section(Log, "What is logged, and how.")
    notify: tuple[Notify, ...] = listed_sections(Notify, "Who is told of events; may be there several times.")
    contents: Contents = attrs.field(factory=Contents)
    path: Path = attrs.field(default=Path(), eq=False)
    given: frozenset[Place] = attrs.field(default=frozenset(), eq=False, repr=False)
    lines: Mapping[Place, int] = attrs.field(factory=dict, eq=False, repr=False)
    warnings: tuple[Fault, ...] = attrs.field(default=(), eq=False, repr=False)
