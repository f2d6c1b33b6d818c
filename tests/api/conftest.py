"""What every test of the API asserts besides: nothing is logged as an error that the test does not expect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from twisted.logger import globalLogPublisher


@pytest.fixture(autouse=True)
def said() -> Iterator[list[Any]]:
    """What is logged; a test that expects errors takes them out."""
    failures: list[Any] = []

    def observe(event: Any) -> None:
        if "log_failure" in event:
            failures.append(event["log_failure"])

    globalLogPublisher.addObserver(observe)
    try:
        with structlog.testing.capture_logs() as entries:
            yield entries
    finally:
        globalLogPublisher.removeObserver(observe)
    assert failures == []
    assert [entry for entry in entries if entry["log_level"] in ("error", "critical")] == []
