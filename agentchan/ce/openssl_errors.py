"""OpenSSL's errors in an operator's words: what is wrong with the peer or with us, and what to do about it."""

from __future__ import annotations

WANTS_CERTIFICATE = "wants a client certificate (set certificate_file in [tls])"
"""What is said of a peer that asked for a client certificate where there is none."""

_CERTIFICATE_ALERTS = (
    ("alert bad certificate", "bad certificate"),
    ("alert unsupported certificate", "unsupported kind"),
    ("alert certificate revoked", "revoked"),
    ("alert certificate expired", "expired"),
    ("alert certificate unknown", "unacceptable"),
    ("alert unknown ca", "signed by a CA it does not know"),
    ("alert access denied", "access denied"),
    ("alert decrypt error", "signature"),
)
"""Alerts by which a server refuses the client's certificate (RFC 8446, 6.2). Some send one of them for want of any."""

_NO_COMMON_VERSION = "speaks no TLS version that is accepted here (1.2 and later): its software needs an update"
_NO_TLS = "does not speak TLS on this port (does the URL have to say http, or another port?)"

_OTHER_ERRORS = (
    ("alert protocol version", _NO_COMMON_VERSION),
    ("unsupported protocol", _NO_COMMON_VERSION),
    ("alert insufficient security", "offers no cipher that both sides accept"),
    ("unrecognized name", "does not know itself by that name (check the host name in the URL)"),
    ("wrong version number", _NO_TLS),
    ("packet length too long", _NO_TLS),
    ("http request", _NO_TLS),
    ("record layer failure", _NO_TLS),
)
"""OpenSSL's words and ours. The first that is found counts."""


def openssl_words(error: BaseException | None) -> str:
    """OpenSSL's own words, of every error that it had queued."""
    arguments = error.args if error is not None else ()
    queue = arguments[0] if arguments and isinstance(arguments[0], (list, tuple)) else ()
    return "; ".join(str(entry[-1]) for entry in queue if entry) or "no reason given"


def explain_openssl(error: BaseException | None, *, has_certificate: bool) -> str | None:
    """What an ``SSL.Error`` says of the peer, to be put after its name; None where it needs OpenSSL's own words.

    Args:
        error: of the handshake, or of the connection after it: a TLS 1.3 server judges the client's certificate when
            the client's handshake is already complete.
        has_certificate: whether there is a client certificate to refuse.
    """
    words = openssl_words(error)
    if "certificate required" in words:
        return WANTS_CERTIFICATE
    for theirs, ours in _CERTIFICATE_ALERTS:
        if theirs in words:
            refusal = f"refused our client certificate ({ours}): check certificate_file in [tls]"
            return refusal if has_certificate else WANTS_CERTIFICATE
    return next((ours for theirs, ours in _OTHER_ERRORS if theirs in words), None)
