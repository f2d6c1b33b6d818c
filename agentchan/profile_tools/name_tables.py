"""How operations, parameters and results of telephony services are called, by what they mean to us.

Nobody knows how a site's CE calls them before its WSDL is read; these are guesses, which a person has to look at. Names
are compared without regard to case and without anything but letters and digits.
"""

from __future__ import annotations

from collections.abc import Mapping

OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "new_call": (
        "newcall",
        "callstarted",
        "startcall",
        "callstart",
        "begincall",
        "callbegins",
        "callbegin",
        "callarrived",
        "callarrives",
        "incomingcall",
        "callbegan",
        "begin",
    ),
    "gone": (
        "gone",
        "callgone",
        "callended",
        "endcall",
        "callends",
        "callend",
        "callfinished",
        "finishcall",
        "releasecall",
        "callreleased",
        "hangup",
        "calldisconnected",
        "end",
    ),
    "open_session": (
        "opensession",
        "startsession",
        "createsession",
        "beginsession",
        "register",
        "logon",
        "login",
        "signon",
        "signin",
        "attach",
        "connect",
    ),
    "set_readiness": (
        "setreadiness",
        "setready",
        "setchannelstate",
        "setavailability",
        "setagentstate",
        "changestate",
        "setstate",
        "setstatus",
        "readiness",
    ),
    "heartbeat": ("heartbeat", "keepalive", "ping", "isalive", "alive"),
    "close_session": (
        "closesession",
        "endsession",
        "unregister",
        "deregister",
        "logoff",
        "logout",
        "signoff",
        "signout",
        "detach",
        "disconnect",
    ),
    "get_status": (
        "getserverstatus",
        "getstatus",
        "serverstatus",
        "getserverstate",
        "gethoststate",
        "getrole",
        "getstate",
        "status",
    ),
    "watch_status": (
        "watchserverstatus",
        "watchstatus",
        "waitforstatus",
        "waitforstate",
        "waitstatus",
        "waitstate",
        "waitforchange",
    ),
}
"""By duty: operations, the likeliest first."""

_CHANNEL = (
    "channel",
    "channelname",
    "channelid",
    "ivrchannel",
    "ivrchannelname",
    "line",
    "linename",
    "port",
    "portid",
    "agent",
    "agentid",
    "agentname",
    "extension",
    "station",
    "device",
)
_CALL = (
    "callid",
    "call",
    "callidentifier",
    "callguid",
    "ucid",
    "callreference",
    "callref",
    "reference",
    "interactionid",
    "contactid",
    "id",
)

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "signal_id": ("signalid", "messageid", "requestid", "transactionid", "correlationid", "uniqueid"),
    "session_id": ("sessionid", "session", "sessiontoken", "ticket", "token"),
    "call_token": ("calltoken", "token", "callhandle", "handle", "ticket", "cookie"),
    "channel": _CHANNEL,
    "call_id": _CALL,
    "ivr": ("ivr", "ivrname", "ivrid", "resource", "resourcename", "system", "systemname", "source", "application"),
    "instance_id": ("instanceid", "instance", "client", "clientname", "clientid", "hostid", "node"),
    "caller": ("caller", "callernumber", "callerid", "ani", "from", "callingnumber", "callingparty", "cli", "number"),
    "called": ("called", "callednumber", "dnis", "to", "calledparty", "dialednumber", "dialled", "did"),
    "started_at": (
        "startedat",
        "started",
        "starttime",
        "startdate",
        "callstart",
        "begintime",
        "arrivaltime",
        "calltime",
        "timestamp",
        "time",
        "at",
    ),
    "ended_at": (
        "endedat",
        "ended",
        "endtime",
        "enddate",
        "callend",
        "hanguptime",
        "disconnecttime",
        "timestamp",
        "time",
        "at",
    ),
    "outcome": ("outcome", "disposition", "result", "cause", "endreason", "disconnectreason", "reason", "reasoncode"),
    "ready": ("ready", "isready", "available", "isavailable", "readiness", "enabled"),
    "reason": ("reason", "reasoncode", "why", "comment", "cause"),
    "known_role": ("knownrole", "lastrole", "role"),
    "known_generation": ("knowngeneration", "lastgeneration", "generation", "knownversion"),
    "known_state": ("knownstate", "laststate", "state"),
    "max_wait": ("maxwait", "maximumwait", "waittime", "wait", "timeout"),
}
"""By field: parameters, the likeliest first."""

CHANNEL_VALUES = ("campaign", "queue", "skill", "service", "language", "project", "tenant", "site", "department")
"""Parameters that are most likely a property of the channel, from ``[ivr.channel_values]``."""

RESULTS: Mapping[str, tuple[str, ...]] = {
    "session_id": ("sessionid", "session", "sessiontoken", "ticket"),
    "server_name": ("servername", "server", "hostname", "host"),
    "generation": ("generation", "epoch", "term"),
    "session_timeout": ("sessiontimeout", "timeout", "timeoutseconds"),
    "channel": _CHANNEL,
    "call_id": _CALL,
    "call_token": ("calltoken", "token", "callhandle", "handle", "cookie"),
    "state": ("state", "channelstate", "linestate", "domainstate", "setstateresult", "setreadinessresult"),
    "role": ("role", "serverrole", "hostrole", "keepaliveresult", "heartbeatresult"),
    "rank": ("rank", "serverrank"),
    "domain": ("domain", "domainname"),
    "since": ("since", "rolesince"),
    "connector_url": ("connectorurl", "connectoraddress", "ivrconnectorurl", "ivrconnector"),
    "active_server": ("activeserver", "activehost", "active"),
}
"""By result: elements of replies, and of the details of faults."""

RESULT_CODES = ("result", "code", "returncode", "resultcode", "errorcode", "status", "duplicate")
"""What a name ends with where a value may tell that a good reply is none."""

WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "role": {
        "Active": ("active", "aktiv", "actif", "activo", "attivo", "master", "leader"),
        "Standby": ("standby", "passive", "passiv", "passif", "backup", "slave", "inactive", "follower"),
    },
    "rank": {"Primary": ("primary", "main"), "Secondary": ("secondary", "backup")},
    "state": {
        "Running": ("running", "normal", "ok", "online"),
        "Starting": ("starting", "start"),
        "FailingOver": ("failingover", "failover", "switchover", "umschaltung"),
        "FailingBack": ("failingback", "failback", "ruckschaltung"),
        "Emergency": ("emergency", "notfall"),
        "Stopping": ("stopping", "stop", "shutdown"),
        "NotReady": ("notready", "unavailable", "gesperrt", "closed"),
        "Ready": ("ready", "idle", "available", "frei", "free"),
        "Busy": ("busy", "incall", "talking", "belegt"),
        "Wrapup": ("wrapup", "aftercallwork", "acw", "nachbearbeitung"),
    },
    "ready": {"true": ("true", "yes", "ready"), "false": ("false", "no", "notready")},
}
"""By result: the words of other languages and habits for ours."""

MEANINGS: Mapping[str, tuple[str, ...]] = {
    "not-active": ("notactive", "standby", "passive", "nottheactiveserver", "inactive"),
    "unknown-session": ("unknownsession", "invalidsession", "sessionnotfound", "sessionexpired"),
    "session-already-open": ("sessionalreadyopen", "alreadyregistered", "alreadyloggedon"),
    "channel-held": ("channelheld", "channelbusy", "callinprogress"),
    "unknown-channel": ("unknownchannel", "channelnotfound", "nosuchchannel", "unknownline"),
    "unknown-ivr": ("unknownivr", "ivrnotfound", "nosuchivr"),
    "retry": ("unavailable", "temporarilyunavailable", "busy", "timeout", "tryagain"),
    "refused": ("invalidrequest", "badrequest", "invalidargument", "invalidparameter"),
    "duplicate": ("duplicate", "alreadyprocessed"),
}
"""By meaning: the words of faults."""
