"""Faults that need more than processes: networks that lose packets, in namespaces of their own (root only)."""

import pytest

pytest.register_assert_rewrite("tests.end_to_end.daemons")
