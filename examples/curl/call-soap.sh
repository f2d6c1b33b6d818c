#!/bin/sh
# call-soap.sh CHANNEL CALL_ID: the same by the SOAP door, with envelopes of the reference contract.
set -eu
channel=${1:?which channel} call_id=${2:?which call}
agentchan=${AGENTCHAN:-http://127.0.0.1:8093}
ivr=${IVR:-ivr1}
namespace=urn:agentchan:contract:ivr-connector:1

now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
new_id() { cat /proc/sys/kernel/random/uuid; }

send() { # send OPERATION CONTENT: a fault comes with HTTP status 500
    curl --silent --show-error --fail-with-body --max-time 5 --retry 30 --retry-delay 1 --retry-connrefused \
        ${AGENTCHAN_TOKEN:+--oauth2-bearer "$AGENTCHAN_TOKEN"} \
        --header 'Content-Type: text/xml; charset=utf-8' --header "SOAPAction: \"$namespace/$1\"" --data-binary @- \
        "$agentchan/IVRConnector" <<XML
<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>
<$1 xmlns="$namespace">$2</$1>
</soap:Body></soap:Envelope>
XML
}

gone() {
    trap - EXIT HUP INT TERM
    kill "${conversation-}" 2>/dev/null || true
    send Gone "<SignalId>$gone_id</SignalId><IvrName>$ivr</IvrName><Channel>$channel</Channel><CallId>$call_id</CallId><EndedAt>$(now)</EndedAt><Outcome>$1</Outcome>"
}
# The id is made once: a signal that is sent again with the same id is the same signal.
new_call_id=$(new_id) gone_id=$(new_id)
trap 'gone error' EXIT
trap 'gone hung-up; exit 0' HUP INT TERM

send NewCall "<SignalId>$new_call_id</SignalId><IvrName>$ivr</IvrName><Channel>$channel</Channel><CallId>$call_id</CallId><StartedAt>$(now)</StartedAt>" || true

exec 3<&0
cat <&3 >/dev/null & # the conversation, in the background, so that a hang-up is heard at once
conversation=$!
wait $conversation

gone completed
