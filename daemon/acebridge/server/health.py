"""grpc.health.v1, which needs no token; by it the daemon proves that it knows the token of who asks: see `acebridge.proof`."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health, health_pb2

from acebridge.proof import CHALLENGE_KEY, PROOF_KEY, id_in, prove
from acebridge.server.known_tokens import KnownTokens


class Health(health.aio.HealthServicer):  # type: ignore[misc]  # its package has no types
    """The health of the services. A proof names its ``port``, which is known once the daemon listens, and with TLS its
    ``fingerprint``.
    """

    def __init__(self, tokens: KnownTokens) -> None:
        super().__init__()
        self.port = 0
        self.fingerprint = ""
        self._tokens = tokens

    async def List(  # noqa: N802 - the name of the contract
        self,
        _: health_pb2.HealthListRequest,
        context: grpc.aio.ServicerContext[health_pb2.HealthListRequest, health_pb2.HealthListResponse],
    ) -> health_pb2.HealthListResponse:
        """Refuse to list the services, as `grpc_health` does, but without a trace in the log."""
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Ask for one service with Check.")

    async def Check(  # noqa: N802 - the name of the contract
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.aio.ServicerContext[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse],
    ) -> health_pb2.HealthCheckResponse:
        """Answer a health check, and the challenge that comes with it."""
        for key, challenge in context.invocation_metadata() or ():
            if key == CHALLENGE_KEY and isinstance(challenge, str):
                known = self._tokens.hash_by_id(id_in(challenge))
                if known is not None:
                    context.set_trailing_metadata(((PROOF_KEY, prove(challenge, known, self.port, self.fingerprint)),))
        return await super().Check(request, context)
