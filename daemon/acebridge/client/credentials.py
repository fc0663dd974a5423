"""The token that proves a client may use a daemon: where it comes from, and how each call carries it.

The daemon writes a new token into its data folder at every start (`acebridge.paths.TOKEN_FILE`), readable by its user alone. It
is sent to the daemon of this data folder and to no other address; and only once that has proven that it knows the token, for
when a daemon was killed, another program could listen there. One health check proves it for as long as the daemon runs.
Beyond this machine it travels with TLS only: see `acebridge.client.channels`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from acebridge.addresses import split_address
from acebridge.client.channels import TIMEOUT_S, Route, open_route, route_to
from acebridge.client.known_daemons import KnownDaemon, find_known
from acebridge.client.own_daemon import TOKEN, OwnDaemon, read_own_daemon, read_token
from acebridge.contract.status import DETAILS_KEY, pack_error
from acebridge.errors import Unauthenticated, Unavailable
from acebridge.paths import TOKEN_VARIABLE, data_folder
from acebridge.proof import CHALLENGE_KEY, PROOF_KEY, is_proof, make_challenge
from acestep_runtime.errors import InvalidValue

_PROOF_TIMEOUT_S = 30.0

Request = TypeVar("Request")
Answer = TypeVar("Answer")
#: Address → the token that the daemon there has proven to know.
_proven: dict[str, str] = {}


def token_for(address: str) -> str:
    """Return the token for the daemon at ``address``: our own one's, else ``ACEBRIDGE_TOKEN``, else what the user noted.

    It is empty for none. Raises `InvalidValue` when that variable holds something else.
    """
    home = data_folder()
    if read_own_daemon(home).serves_at(address):
        return read_token(home)
    token = parse_token(os.environ.get(TOKEN_VARIABLE, ""), TOKEN_VARIABLE)
    known = None if token else find_known(home, address)
    return token if known is None else known.token


def parse_token(text: str, field: str, *, required: bool = False) -> str:
    """Return the token in a text; empty for none, unless it is ``required``.

    Raises `InvalidValue` for something else, and shows nothing of it.
    """
    token = text.strip()
    if (token or required) and not TOKEN.fullmatch(token):
        allowed = "64 hex digits, as in the file token of the daemon's data folder"
        message = f"{field} holds no token of a daemon; allowed: {allowed}."
        raise InvalidValue(field, "", allowed, message=message, remedy="Copy it again, or leave it out.")
    return token


def check_known(address: str, daemon: KnownDaemon) -> None:
    """Have a daemon elsewhere prove that it knows the token that is about to be noted for it.

    Raises `Unauthenticated` when it does not, `Unavailable` when it does not answer.
    """
    with open_route(Route(address, daemon.certificate)) as channel:
        try:
            health = health_pb2_grpc.HealthStub(channel)
            if check_health(health, daemon.token, fingerprint=daemon.fingerprint, timeout_s=TIMEOUT_S):
                return
        except grpc.RpcError as error:
            raise Unavailable(
                f"What answers at {address} is no daemon of AceBridge, or does not serve now.",
                remedy="Look at `acebridge status` on its machine.",
            ) from error
    raise Unauthenticated(
        f"The daemon at {address} does not know this token, or somebody stands between it and you.",
        remedy="Make one on its machine with `acebridge token new NAME --scope admin`, and compare the fingerprint again.",
    )


def check_health(
    health: health_pb2_grpc.HealthStub,
    token: str = "",
    *,
    port: int | None = None,
    fingerprint: str = "",
    timeout_s: float,
    wait: bool | None = None,
) -> bool:
    """Return whether a daemon serves at the other end of ``health``, and has proven that it knows ``token``, if that is given.

    One that cannot run jobs for now is a daemon all the same. The ``port`` of a proof is checked where it is given; with TLS
    the ``fingerprint`` is that of the channel's certificate. ``wait`` for a daemon that is not up yet.

    Raises ``grpc.RpcError``.
    """
    challenge = make_challenge(token) if token else ""
    request = health_pb2.HealthCheckRequest(service="acebridge.v1.DaemonService")
    reply, call = health.Check.with_call(
        request,
        timeout=timeout_s,
        wait_for_ready=wait,
        metadata=((CHALLENGE_KEY, challenge),) if token else (),
    )
    proofs = [value for key, value in call.trailing_metadata() or () if key == PROOF_KEY]
    proven = not token or any(is_proof(text, challenge, token, port=port, fingerprint=fingerprint) for text in proofs)
    return proven and reply.status == health_pb2.HealthCheckResponse.SERVING


def note_proof(address: str, token: str) -> None:
    """Note that the daemon of our data folder, which serves at ``address``, has proven that it knows ``token``."""
    _proven[address] = token


class Refusal(grpc.RpcError):
    """A call that is not made: the other end has not proven that it knows the token. It ends as if a daemon had ended it so."""

    def __init__(self, code: grpc.StatusCode, text: str, status: bytes = b"") -> None:
        super().__init__(text)
        self._code, self._text, self._status = code, text, status

    def code(self) -> grpc.StatusCode:
        """Return why."""
        return self._code

    def details(self) -> str:
        """Return the sentence that says why."""
        return self._text

    def trailing_metadata(self) -> tuple[Any, ...]:
        """Return the packed status, if there is one, as a daemon sends it."""
        return (_Entry(DETAILS_KEY, self._status),) if self._status else ()


class _Entry(NamedTuple):
    """A value of the metadata of a call."""

    key: str
    value: bytes


def _refuse_impostor(address: str) -> Refusal:
    """Return what a call to our own daemon ends with, when another program answers in its place."""
    return Refusal(grpc.StatusCode.UNAVAILABLE, f"The daemon at {address} has ended; another program is there.")


def _refuse_stranger(address: str, *, elsewhere: bool) -> Refusal:
    """Return what a call ends with whose token is not sent, for the daemon there does not know it."""
    error = Unauthenticated(
        f"The token of this call is not that of the daemon at {address}.",
        remedy=f"Make one on its machine with `acebridge token new NAME --scope admin`, and run `acebridge trust {address}`"
        " again."
        if elsewhere
        else "Read it again from the file `token` in the daemon's data folder, also for ACEBRIDGE_TOKEN: each start of the"
        " daemon writes a new one. A tunnel has to begin at the daemon's port.",
    )
    return Refusal(*pack_error(error))


class Credentials:
    """Returns the token for each call to the daemon at ``address``, as soon as that has proven to know it over ``channel``."""

    def __init__(self, channel: grpc.Channel, address: str, token: str | None, fingerprint: str) -> None:
        self._address, self._token, self._fingerprint = address, token, fingerprint
        #: Made now: grpc crashes where a stub is made while or after another thread closes the channel.
        self._health = health_pb2_grpc.HealthStub(channel)
        #: What a proof names beside the token; with TLS it names the certificate, and a tunnel may have another port.
        self._port = None if fingerprint else split_address(address)[1]
        #: Our own daemon, as it was when it proved that it knows the token.
        self._own: tuple[OwnDaemon, str] | None = None
        self._proven = ""

    def __call__(self, details: grpc.ClientCallDetails) -> str:
        """Raises ``grpc.RpcError`` for a call that must not be made, and `InvalidValue` as `token_for` does."""
        if self._token is not None:
            return self._proven_once(self._token, details)
        home = data_folder()
        own = read_own_daemon(home)
        if not own.serves_at(self._address):
            return self._of_another(details)
        token = read_token(home)
        if token and not (own.is_running and (not own.proves or _proven.get(own.address) == token)):
            if not self._proves(token, details, own.port):
                token = read_token(home)  # it may have been started again meanwhile
                if not self._proves(token, details, own.port):
                    raise _refuse_impostor(self._address)
            note_proof(own.address, token)
        self._own = own, token
        return token

    def _of_another(self, details: grpc.ClientCallDetails) -> str:
        """Return the token where the data folder names another daemon, or none."""
        if self._own is None:
            return self._proven_once(token_for(self._address), details)
        own, token = self._own
        if own.is_running:  # it is stopping, and answers the calls that are under way
            return token
        raise _refuse_impostor(self._address)

    def _proven_once(self, token: str, details: grpc.ClientCallDetails) -> str:
        if token and token != self._proven:
            if not self._proves(token, details, self._port):
                raise _refuse_stranger(self._address, elsewhere=bool(self._fingerprint))
            self._proven = token
        return token

    def _proves(self, token: str, details: grpc.ClientCallDetails, port: int | None) -> bool:
        timeout_s = _PROOF_TIMEOUT_S if details.timeout is None else details.timeout
        return check_health(
            self._health,
            token,
            port=port,
            fingerprint=self._fingerprint,
            timeout_s=timeout_s,
            wait=details.wait_for_ready,
        )


class _CallDetails(grpc.ClientCallDetails):
    """How a call is made: as ``details`` say, with the token, if there is one, in its metadata."""

    def __init__(self, details: grpc.ClientCallDetails, token: str) -> None:
        own = (("authorization", f"Bearer {token}"),) if token else ()
        self.method = details.method
        self.timeout = details.timeout
        self.metadata = (*(details.metadata or ()), *own)
        self.credentials = details.credentials
        self.wait_for_ready = details.wait_for_ready
        self.compression = details.compression


class _TokenSender(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Puts the token that ``find`` returns into every call: for grpc, each kind of call has a method of its own."""

    def __init__(self, find: Callable[[grpc.ClientCallDetails], str]) -> None:
        self._find = find

    def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Request], Answer],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> Answer:
        return continuation(_CallDetails(client_call_details, self._find(client_call_details)), request)

    def intercept_unary_stream(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Request], Answer],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> Answer:
        return continuation(_CallDetails(client_call_details, self._find(client_call_details)), request)

    def intercept_stream_unary(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Request], Answer],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: Request,
    ) -> Answer:
        return continuation(_CallDetails(client_call_details, self._find(client_call_details)), request_iterator)

    def intercept_stream_stream(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Request], Answer],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: Request,
    ) -> Answer:
        return continuation(_CallDetails(client_call_details, self._find(client_call_details)), request_iterator)


def open_channel(address: str, token: str | None = None) -> grpc.Channel:
    """Return a channel to the daemon at ``address`` whose calls carry ``token``, or none where that is empty.

    ``None`` stands for what `token_for` returns at each call: a daemon that was started again has another one. Raises
    `InvalidValue` where that does, and what `route_to` does. The other end gets a token only once it has proven that it knows
    it; else calls end with UNAUTHENTICATED, or, where our own daemon served, with UNAVAILABLE.
    """
    route = route_to(address, data_folder())
    if token is None:
        token_for(address)
    channel = open_route(route)
    return grpc.intercept_channel(channel, _TokenSender(Credentials(channel, address, token, route.fingerprint)))
