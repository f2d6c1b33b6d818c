"""The whole program against a whole CE pair: real processes, real sockets."""

import pytest

pytest.register_assert_rewrite("tests.end_to_end.daemons")
