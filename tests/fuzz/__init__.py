"""Fuzzing of everything that reads bytes from outside; ``python -m tests.fuzz --help`` tells how to run it by hand.

Each target is a module of this package with a ``TARGET``; both the tests and the fuzzer by hand use it.
"""

TARGETS = (
    "configuration",
    "http_answers",
    "json_door",
    "profiles",
    "sip_messages",
    "soap_door",
    "soap_replies",
    "wsdls",
)
