"""One call by the JSON door: python call_json.py CHANNEL CALL_ID. The call lasts as long as standard input is open."""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

AGENTCHAN = os.environ.get("AGENTCHAN", "http://127.0.0.1:8093")
TOKEN = os.environ.get("AGENTCHAN_TOKEN")
PATIENCE = 30.0  # seconds: a daemon that is being restarted is back sooner


def tell(path, **fields):
    """Tell the daemon; returns its answer. Saying something twice does no harm."""
    headers = {"Content-Type": "application/json"}
    if TOKEN:
        headers["Authorization"] = f"Bearer {TOKEN}"
    request = urllib.request.Request(AGENTCHAN + path, json.dumps(fields).encode(), headers)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > until:
                raise RuntimeError(json.load(error)["error"]["message"]) from None
        except OSError:
            if time.monotonic() > until:
                raise
        time.sleep(0.5)


@contextmanager
def call(channel, call_id, caller=None):
    """A call of which CE is told, however it ends."""
    outcome = "error"
    try:
        try:
            tell("/v1/new-call", channel=channel, call_id=call_id, caller=caller)
        except (OSError, RuntimeError) as error:
            print(f"CE was not told of the call: {error}", file=sys.stderr)
        yield
        outcome = "completed"
    except KeyboardInterrupt:
        outcome = "hung-up"
    finally:
        tell("/v1/gone", channel=channel, call_id=call_id, outcome=outcome)


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.default_int_handler)  # a hang-up
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with call(*sys.argv[1:]):
        sys.stdin.read()  # the conversation
