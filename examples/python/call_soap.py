"""One call by the SOAP door, with zeep: python call_soap.py CHANNEL CALL_ID [IVR].

This is what a script that speaks to the IVR Connector of CE looks like. To speak to the daemon only the URL is another;
in return the call signals survive CE's failovers.
"""

import os
import signal
import sys
from datetime import datetime, timezone
from uuid import uuid4

import zeep
from requests import Session
from requests.adapters import HTTPAdapter
from urllib3 import Retry

URL = os.environ.get("AGENTCHAN", "http://127.0.0.1:8093") + "/IVRConnector?wsdl"


def connector():
    """The service; a daemon that is being restarted is waited for."""
    session = Session()
    if "AGENTCHAN_TOKEN" in os.environ:
        session.headers["Authorization"] = f"Bearer {os.environ['AGENTCHAN_TOKEN']}"
    again = Retry(total=8, backoff_factor=0.3, allowed_methods=None)
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=again))
    return zeep.Client(URL, transport=zeep.Transport(session=session, timeout=5, operation_timeout=5)).service


def main(channel, call_id, ivr="ivr1"):
    service = connector()
    about = {"IvrName": ivr, "Channel": channel, "CallId": call_id}
    gone_id, outcome = str(uuid4()), "error"  # made once, so that a signal sent again is the same signal
    try:
        try:
            service.NewCall(SignalId=str(uuid4()), StartedAt=datetime.now(timezone.utc), **about)
        except (zeep.exceptions.Fault, OSError) as error:
            print(f"CE was not told of the call: {error}", file=sys.stderr)
        sys.stdin.read()  # the conversation
        outcome = "completed"
    except KeyboardInterrupt:
        outcome = "hung-up"
    finally:
        service.Gone(SignalId=gone_id, EndedAt=datetime.now(timezone.utc), Outcome=outcome, **about)


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.default_int_handler)  # a hang-up
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main(*sys.argv[1:])
