"""Both doors together, as the daemon opens and closes them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import attrs
import structlog
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError, UnsupportedAddressFamily

from agentchan.api.door import Door
from agentchan.api.guards import Guard
from agentchan.api.limits import Limits
from agentchan.api.operator import Operator
from agentchan.api.peers import UserNames
from agentchan.api.routes import Router
from agentchan.api.server_tls import ServerCertificate, TlsDoor
from agentchan.api.unix_socket import DoorError, UnixSocket
from agentchan.config.service import Api
from agentchan.vocabulary import Secret

log = structlog.get_logger("agentchan.api")

GRACE = 2.0
"""Seconds that answers may still take when the doors close."""

_BACKLOG = 128

SOCKET_LIMITS = Limits(connections=128)
LISTEN_LIMITS = Limits(connections=512, streams=0, rate=1000.0)


class Doors:
    """The Unix socket, and ``listen`` where it is configured.

    Args:
        reactor: where they listen.
        operator: the daemon.
        api: the ``[api]`` section.
        token: what is in its token file.
        adopted: the file descriptor of a listener that systemd holds, used whether ``listen`` is configured or not;
            None: an own one is opened.
    """

    def __init__(
        self, reactor: Any, operator: Operator, api: Api, token: Secret | None = None, adopted: int | None = None
    ) -> None:
        self._reactor = reactor
        self._api = api
        self._adopted = adopted
        names = UserNames(reactor)
        self._socket = UnixSocket(api.socket, api.socket_mode)
        self._socket_door = Door(
            reactor, operator, Router(soap_paths=operator.soap_paths), limits=SOCKET_LIMITS, names=names
        )
        self._listen_door = Door(
            reactor,
            operator,
            Router.for_listen(operator.soap_paths),
            guard=Guard(api.allow, token),
            limits=LISTEN_LIMITS,
            names=names,
        )
        self._certificate: ServerCertificate | None = None
        self._port: Any = None

    @property
    def listen_address(self) -> tuple[str, int] | None:
        """Where the TCP door really is; None where there is none."""
        if self._port is None:
            return None
        address = self._port.getHost()
        return getattr(address, "host", str(address)), getattr(address, "port", 0)

    def open(self) -> None:
        """Open both.

        Raises:
            DoorError: one cannot be opened; then neither is open.
        """
        self._socket.listen(self._reactor, self._socket_door)
        log.info("api-listening", socket=str(self._api.socket))
        if self._api.listen is None and self._adopted is None:
            return
        try:
            self._port = self._listen()
        except DoorError:
            self._socket.close()
            raise
        host, port = self.listen_address or ("", 0)
        log.info("api-listening", host=host, port=port, tls=self._certificate is not None)

    def renew(self, token: Secret | None) -> None:
        """Use a new token from now on, and show the certificate that is in its file now; nobody is disconnected.

        Blocks while it reads the certificate's files.

        Raises:
            DoorError: the certificate or its key cannot be used; then the old one stays, and so does the old token.
        """
        if self._certificate is not None:
            self._certificate.renew()
        self._listen_door.guard = attrs.evolve(self._listen_door.guard, token=token)

    def close(self, grace: float = GRACE) -> Deferred[None]:
        """Stop listening, let answers be finished, end every connection."""
        ends: list[Callable[[], Any]] = [
            self._socket.close,
            lambda: self._socket_door.close(grace),
            lambda: self._port.stopListening() if self._port is not None else None,
            lambda: self._listen_door.close(grace),
        ]
        closed: Deferred[Any] = DeferredList([maybeDeferred(end) for end in ends], consumeErrors=True)
        return closed.addCallback(lambda _: None)

    def _listen(self) -> Any:
        factory: Any = self._listen_door
        if self._api.certificate_file is not None:
            self._certificate = ServerCertificate(self._api.certificate_file, self._api.key_file)
            factory = TlsDoor(self._reactor, self._listen_door, self._certificate)
        if self._adopted is not None:
            return self._adopt(self._adopted, factory)
        host, port = self._api.listen or ("", 0)
        try:
            return self._reactor.listenTCP(port, factory, _BACKLOG, host)
        except CannotListenError as error:
            why = getattr(error.socketError, "strerror", None) or str(error.socketError)
            raise DoorError(
                f"[api] listen {host}:{port} cannot be opened: {why}; another program may have the port "
                f"('ss -ltnp sport = :{port}'), or this machine has no such address"
            ) from None

    def _adopt(self, descriptor: int, factory: Any) -> Any:
        try:
            with socket.socket(fileno=descriptor) as listener:
                listener.setblocking(False)
                return self._reactor.adoptStreamPort(listener.fileno(), listener.family, factory)
        except (OSError, UnsupportedAddressFamily) as error:
            raise DoorError(f"the listener that systemd holds for [api] listen cannot be used: {error}") from None
