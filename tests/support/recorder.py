"""A program at a port that keeps what callers send, and says that it is healthy: a daemon that knows tokens, or an impostor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import grpc
from grpc_health.v1 import health_pb2

from acebridge.proof import CHALLENGE_KEY, PROOF_KEY, hash_token, id_in, prove, token_id
from tests.support.certificates import Pair

SERVING = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING).SerializeToString()


class Call(NamedTuple):
    """What a call brought: its method, its ``authorization``, and the bytes of its requests."""

    method: str
    tokens: list[str]
    sent: bytes


class Recorder(grpc.GenericRpcHandler):
    """Answers health checks, and proves that it knows ``tokens``; refuses all other calls. ``calls`` are those others."""

    def __init__(self, tokens: Sequence[str] = (), prove: Callable[[str, str, int], str] = prove) -> None:
        self.tokens = list(tokens)
        self.calls: list[Call] = []
        self.checks = 0
        self.port = 0
        self._prove = prove

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        method = details.method.rpartition("/")[2]
        metadata = [(key, str(value)) for key, value in details.invocation_metadata]
        if method == "Check":
            return grpc.unary_unary_rpc_method_handler(lambda _, context: self._check(dict(metadata), context))
        values = [value for key, value in metadata if key == "authorization"]

        def refuse(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            self.calls.append(Call(method, values, b"".join(requests)))
            context.abort(grpc.StatusCode.NOT_FOUND, "there is nothing")

        return grpc.stream_stream_rpc_method_handler(refuse)

    def _check(self, metadata: dict[str, str], context: grpc.ServicerContext) -> bytes:
        self.checks += 1
        challenge = metadata.get(CHALLENGE_KEY, "")
        for known in map(hash_token, self.tokens):
            if id_in(challenge) == token_id(known):
                context.set_trailing_metadata(((PROOF_KEY, self._prove(challenge, known, self.port)),))
        return SERVING


@contextmanager
def serve(recorder: Recorder, address: str = "127.0.0.1:0", pair: Pair | None = None) -> Iterator[Recorder]:
    """Let it listen at a free port, or at the one that a daemon had; with TLS where it has a certificate."""
    server = grpc.server(ThreadPoolExecutor(4), handlers=(recorder,), options=(("grpc.so_reuseport", 0),))
    if pair is None:
        recorder.port = server.add_insecure_port(address)
    else:
        credentials = grpc.ssl_server_credentials([(pair.key.encode(), pair.certificate.encode())])
        recorder.port = server.add_secure_port(address, credentials)
    server.start()
    try:
        yield recorder
    finally:
        server.stop(0).wait()
