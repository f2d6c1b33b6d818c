"""Fetches WSDLs for a command: from files at once, from URLs on Twisted's reactor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from agentchan.ce.deadline import within
from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.tls import TlsSettings
from agentchan.profile_tools.download import Bundle, Download, DownloadError, Fetch
from agentchan.profile_tools.http_get import Account, Got, get
from agentchan.run_once import run_once

PATIENCE = 10.0
"""Seconds for each file."""

WHOLE_PATIENCE = 60.0
"""Seconds for all files together."""


@frozen
class Wanted:
    """A WSDL that is wanted.

    Attributes:
        source: its URL, or the path of a file.
        main: the name that it gets; None: one like its URL's.
        taken: names that none of its files may have.
    """

    source: str
    main: str | None = None
    taken: frozenset[str] = frozenset()


def fetch(wanted: Sequence[Wanted], tls: TlsSettings, account: Account | None) -> tuple[Bundle, ...]:
    """Fetch WSDLs and all that they import; blocks. The files of each have other names than those before it.

    Args:
        wanted: which.
        tls: whom to believe, and who we are.
        account: who asks, at the place that a source names; None: nobody in particular.

    Raises:
        DownloadError: one of them cannot be had.
    """
    outcome: list[Any] = []
    Deferred.fromCoroutine(_bundles(wanted, _no_network)).addBoth(outcome.append)
    found: tuple[Bundle, ...] | Failure = outcome[0]
    if isinstance(found, tuple):
        return found
    if found.check(_NeedsNetworkError) is None:
        found.raiseException()

    def over_http(reactor: Any) -> Fetch:
        return lambda url, ours: get(reactor, tls, url, account=account if ours else None, patience=PATIENCE)

    return run_once(lambda reactor: bundles(reactor, wanted, over_http(reactor)))


async def bundles(reactor: Any, wanted: Sequence[Wanted], over_http: Fetch) -> tuple[Bundle, ...]:
    """Fetch WSDLs, in no more than :data:`WHOLE_PATIENCE` seconds.

    Raises:
        DownloadError: one of them cannot be had.
    """
    late = DownloadError(f"{wanted[0].source} and its imports could not be fetched within {WHOLE_PATIENCE:g} s")
    return await within(reactor, WHOLE_PATIENCE, Deferred.fromCoroutine(_bundles(wanted, over_http)), lambda: late)


async def _bundles(wanted: Sequence[Wanted], over_http: Fetch) -> tuple[Bundle, ...]:
    found: list[Bundle] = []
    for each in wanted:
        taken = set(each.taken).union(*(bundle.files for bundle in found))
        found.append(await Download(over_http, taken).bundle(each.source, each.main))
    return tuple(found)


class _NeedsNetworkError(Exception):
    """A file imports what is not a file."""


def _no_network(_url: ServiceUrl, _ours: bool) -> Deferred[Got]:
    raise _NeedsNetworkError
