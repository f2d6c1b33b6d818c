"""What a practitioner would write instead: signs the IVR on with zeep and makes its channels ready, again on any error.

    python -m measuring.zeep_ivr WSDL URL IVR CHANNEL[,CHANNEL...]

One requests session keeps the connection, which HAProxy takes to whichever host is up. It can only notice that this has
ended when it asks something, so it asks for a heartbeat twice a second. It prints a line of JSON with the monotonic
time for each thing that happens to it.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import requests
import zeep

from agentchan.lab.names import expand
from measuring import messages

TIMEOUT = 2.0
HEARTBEAT_INTERVAL = 0.5
AGAIN = 0.1


def tell(what: str, why: str = "") -> None:
    """Say what happened."""
    print(json.dumps({"what": what, "monotonic": time.monotonic(), "why": why}), flush=True)


def serve(service: Any, ivr: str, channels: list[str]) -> None:
    """Sign on, make all ready, and stay until something goes wrong."""
    opened = service.OpenSession(IvrName=ivr, InstanceId="bench", Channel=channels)
    changes = [{"Channel": channel, "Ready": True} for channel in channels]
    service.SetReadiness(SessionId=opened.SessionId, Change=changes)
    tell("ready")
    while True:
        time.sleep(HEARTBEAT_INTERVAL)
        answer = service.Heartbeat(SessionId=opened.SessionId)
        if answer.Role != "Active" or answer.Generation != opened.Generation:
            raise ConnectionError("another host is active")


def main(wsdl: str, url: str, ivr: str, channels: str) -> None:
    """Sign on again and again, until killed."""
    logging.disable()
    names = list(expand(channels.split(",")))
    session = requests.Session()
    client = zeep.Client(Path(wsdl).as_uri(), transport=zeep.Transport(session=session, operation_timeout=TIMEOUT))
    service = client.create_service(f"{{{messages.CONNECTOR}}}IVRConnectorSoap", url)
    while True:
        try:
            serve(service, ivr, names)
        except (requests.RequestException, zeep.exceptions.Error, ConnectionError) as error:
            tell("error", f"{type(error).__name__}: {error}"[:200])
            session.close()
            time.sleep(AGAIN)


if __name__ == "__main__":
    main(*sys.argv[1:])
