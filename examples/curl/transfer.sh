#!/bin/sh
# transfer.sh SIP_URI: may this call be transferred? Prints transfer, wait or default-route.
set -eu
uri=${1:?which endpoint}
agentchan=${AGENTCHAN:-http://127.0.0.1:8093}

ask() { # yes, no or unknown; no answer at all is unknown, too
    curl --silent --fail --max-time 2 --header 'Accept: text/plain' \
        ${AGENTCHAN_TOKEN:+--oauth2-bearer "$AGENTCHAN_TOKEN"} --get "$@" || echo unknown
}

case $(ask "$agentchan/v1/failing-over") in
no) ;;
*) echo wait; exit 0 ;; # hold the caller some seconds and ask again; after a minute or so take the default route
esac

case $(ask --data-urlencode "uri=$uri" "$agentchan/v1/endpoint-available") in
no) echo default-route ;;
*) echo transfer ;; # unknown: nothing is known against it
esac
