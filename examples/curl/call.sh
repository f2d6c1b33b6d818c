#!/bin/sh
# call.sh CHANNEL CALL_ID [CALLER]: tells CE of one call by the JSON door; the call lasts as long as standard input is open.
set -eu
channel=${1:?which channel} call_id=${2:?which call} caller=${3-}
agentchan=${AGENTCHAN:-http://127.0.0.1:8093}

tell() { # tell PATH FIELD=VALUE…: tries again for half a minute, for a daemon that is being restarted
    path=$1
    shift
    for each in "$@"; do set -- "$@" --data-urlencode "$each"; shift; done
    curl --silent --show-error --fail --max-time 5 --retry 30 --retry-delay 1 --retry-connrefused \
        ${AGENTCHAN_TOKEN:+--oauth2-bearer "$AGENTCHAN_TOKEN"} "$@" "$agentchan$path"
}

gone() { # whatever ends the call: its own end, a hang-up (SIGHUP), an error in the script
    trap - EXIT HUP INT TERM
    kill "${conversation-}" 2>/dev/null || true
    tell /v1/gone "channel=$channel" "call_id=$call_id" "outcome=$1"
}
trap 'gone error' EXIT
trap 'gone hung-up; exit 0' HUP INT TERM

# A call that CE could not be told of is a call all the same.
tell /v1/new-call "channel=$channel" "call_id=$call_id" "caller=$caller" || true

exec 3<&0
cat <&3 >/dev/null & # the conversation, in the background, so that a hang-up is heard at once
conversation=$!
wait $conversation

gone completed
