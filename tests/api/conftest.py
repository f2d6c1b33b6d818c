"""What every test of the API asserts besides: nothing is logged as an error that the test does not expect."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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


@pytest.fixture
def quickly() -> Callable[[Callable[[], object]], bool]:
    """Whether the best of some runs takes less than the 10 ms of processor time that the reactor may be held up."""

    def measured(work: Callable[[], object]) -> bool:
        for _ in range(5):
            began = time.thread_time()
            work()
            if time.thread_time() - began < 0.010:
                return True
        return False

    return measured
