"""May this call be transferred? python transfer.py SIP_URI prints transfer, wait or default-route."""

import json
import os
import sys
import urllib.parse
import urllib.request

AGENTCHAN = os.environ.get("AGENTCHAN", "http://127.0.0.1:8093")
TOKEN = os.environ.get("AGENTCHAN_TOKEN")


def ask(path, **query):
    """The daemon's answer, or none."""
    url = f"{AGENTCHAN}{path}?{urllib.parse.urlencode(query)}" if query else AGENTCHAN + path
    headers = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=2) as answer:
            return json.load(answer)
    except OSError:
        return {}


def decision(uri):
    """What to do with a caller who is to be transferred to ``uri``."""
    if ask("/v1/failing-over").get("failing_over") is not False:
        return "wait"  # yes or unknown: hold the caller some seconds and ask again; not for ever
    if ask("/v1/endpoint-available", uri=uri).get("available") is False:
        return "default-route"
    return "transfer"  # it answers, or nothing is known against it


if __name__ == "__main__":
    print(decision(sys.argv[1]))
