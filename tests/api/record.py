"""A believable day of a daemon, as the JSON values that its API gives."""

from __future__ import annotations

from typing import Any

NOW = "2026-11-24T14:05:00+01:00"

STATUS: dict[str, Any] = {
    "ivr": "ivr1",
    "version": "0.1.0",
    "uptime_s": 93784,
    "draining": False,
    "drain": None,
    "component_link": {"state": "up", "url": "https://ce1.example.com:8094/ComponentService", "age_ms": 120},
    "ce": {
        "verdict": "following",
        "active": "ce1",
        "generation": 7,
        "generation_mark": 7,
        "since": "2026-11-23T12:01:10+01:00",
        "domain_state": "Running",
        "failing_over": False,
        "pinned": None,
        "reason": None,
        "hosts": [
            {
                "url": "https://ce1.example.com:8094/ComponentService",
                "name": "ce1",
                "rank": "Primary",
                "role": "Active",
                "state": "Running",
                "generation": 7,
                "age_ms": 120,
                "error": None,
                "refusal": None,
            },
            {
                "url": "https://ce2.example.com:8094/ComponentService",
                "name": "ce2",
                "rank": "Secondary",
                "role": "Standby",
                "state": "Running",
                "generation": 7,
                "age_ms": 340,
                "error": None,
                "refusal": None,
            },
        ],
    },
    "agent_channel": {
        "state": "up",
        "host": "ce1",
        "since": "2026-11-23T12:01:10+01:00",
        "heartbeat_age_ms": 300,
        "error": None,
    },
    "channels": {
        "total": 120,
        "ready": 118,
        "busy": 1,
        "wrapup": 0,
        "not_ready": 1,
        "unknown": 0,
        "stuck": 0,
        "stuck_names": [],
        "unknown_to_ce": 0,
    },
    "signals": {"pending": 0, "oldest_s": 0, "confirmed": 812, "refused": 0, "expired": 0, "repairs": 0},
    "journal": {"state": "ok", "error": None, "since": "2026-11-23T12:01:08+01:00", "set_aside": None},
    "ivr_health": {"up": True, "since": "2026-11-23T12:01:08+01:00", "error": None},
    "alarms": [],
}


def row(number: int) -> dict[str, Any]:
    """A channel's row."""
    plain: dict[str, Any] = {
        "channel": f"ivr1-{number:03}",
        "wanted": "ready",
        "reason": None,
        "reported": "Ready",
        "call_id": None,
        "since": "2026-11-24T08:00:02+01:00",
        "stuck": False,
        "who": None,
        "until": None,
    }
    special: dict[int, dict[str, Any]] = {
        2: {"reported": "Busy", "call_id": "20261124-135907-0002", "since": "2026-11-24T13:59:07+01:00"},
        3: {
            "wanted": "not-ready",
            "reason": "maintenance of the card",
            "reported": "NotReady",
            "who": "anna",
            "until": "2026-11-24T14:30:00+01:00",
        },
        17: {
            "reported": "Wrapup",
            "call_id": "1763985600.4711",
            "stuck": True,
            "since": "2026-11-24T13:40:00+01:00",
        },
    }
    return plain | special.get(number, {})


SIGNALS: list[dict[str, Any]] = [
    {
        "signal_id": "0198c3a4-7c1e-7d39-b0a1-5c1d2e3f4a5b",
        "kind": "gone",
        "channel": "ivr1-002",
        "call_id": "20261124-131000-0002",
        "fate": "refused",
        "accepted_at": "2026-11-24T13:10:00+01:00",
        "settled_at": "2026-11-24T13:10:02+01:00",
        "attempts": 1,
        "last_error": "InvalidRequest: Outcome is not known here",
        "repair": False,
    },
    {
        "signal_id": "0198c3a4-6b0d-7d39-b0a1-000000000001",
        "kind": "new-call",
        "channel": "ivr1-002",
        "call_id": "20261124-131000-0002",
        "fate": "confirmed",
        "accepted_at": "2026-11-24T13:05:00+01:00",
        "settled_at": "2026-11-24T13:05:00+01:00",
        "attempts": 1,
        "last_error": None,
        "repair": False,
    },
]

FAILOVERS: list[dict[str, Any]] = [
    {
        "at": "2026-11-23T12:01:10+01:00",
        "from": "ce2",
        "to": "ce1",
        "cause": "planned switch: ce2 said Standby",
        "generation": 7,
        "detect": 1,
        "discover": 4,
        "sign_on": 3,
        "restore": 9,
        "drain_outbox": 12,
        "total": 29,
    },
    {
        "at": "2026-11-21T03:12:44+01:00",
        "from": "ce1",
        "to": "ce2",
        "cause": "connection reset by ce1 (192.0.2.1:8095)",
        "generation": 6,
        "detect": 0,
        "discover": 61012,
        "sign_on": 5,
        "restore": 11,
        "drain_outbox": 240,
        "total": 61268,
    },
]

EXPLAIN: dict[str, Any] = {
    "channel": "ivr1-003",
    "headline": "ivr1-003 is not ready because anna said so, until 14:30.",
    "row": row(3),
    "causes": [
        {
            "text": "it is wanted not ready by hand: maintenance of the card",
            "since": "2026-11-24T13:30:00+01:00",
            "who": "anna",
        },
        {"text": "CE was told and reports NotReady", "since": "2026-11-24T13:30:00+01:00", "who": None},
    ],
    "remedies": [{"text": "make it ready now", "command": "agentchan ready ivr1-003"}],
}

ENDPOINTS: list[dict[str, Any]] = [
    {
        "uri": "sip:sales@sip1.example.com;transport=tls",
        "available": True,
        "status_code": 200,
        "latency_ms": 4.2,
        "since": "2026-11-23T12:01:08+01:00",
        "age_ms": 900,
        "reason": None,
        "configured": True,
    },
    {
        "uri": "sip:down@example.com",
        "available": False,
        "status_code": 503,
        "latency_ms": 3.0,
        "since": "2026-11-24T14:01:08+01:00",
        "age_ms": 1900,
        "reason": "503 Service Unavailable",
        "configured": False,
    },
    {
        "uri": "sip:new@example.com",
        "available": None,
        "status_code": None,
        "latency_ms": None,
        "since": None,
        "age_ms": None,
        "reason": "no answer yet",
        "configured": True,
    },
]

CALLS: list[dict[str, Any]] = [
    {
        "channel": "ivr1-002",
        "call_id": "20261124-135907-0002",
        "since": "2026-11-24T13:59:07+01:00",
        "caller": "+3612345678",
        "called": "+3618000000",
        "known_to_ce": True,
        "reported": "Busy",
    },
    {
        "channel": "ivr1-005",
        "call_id": "20261124-140455-0005",
        "since": "2026-11-24T14:04:55+01:00",
        "caller": None,
        "called": "+3618000000",
        "known_to_ce": False,
        "reported": "Ready",
    },
    {
        "channel": "ivr1-006",
        "call_id": "20261124-140459-0006",
        "since": "2026-11-24T14:04:59+01:00",
        "caller": "+3612345679",
        "called": None,
        "known_to_ce": None,
        "reported": "unknown",
    },
]

TIMING: dict[str, Any] = {
    "rows": [
        {
            "case": "planned switch, host killed or frozen and the standby promoted",
            "formula": "one watch answer",
            "ms": 0,
        },
        {
            "case": "the network goes silent and nobody is promoted: noticed within",
            "formula": "heartbeat_interval x (heartbeat_misses + 1)",
            "ms": 2000,
        },
        {"case": "pause between attempts on an unchanged host, at most", "formula": "backoff_maximum", "ms": 5000},
    ]
}
