"""What gRPC itself limits: connections, what they may hold, and how long they may stand still."""

from __future__ import annotations

#: A whole inline source with room for the rest of the request.
MAX_MESSAGE_BYTES = 8 * 2**20
#: Calls that one connection may have open; gRPC's clients keep more of them back.
MAX_CONNECTION_CALLS = 128
#: Seconds for a connection to say that it speaks HTTP/2, and without a call until it is closed: a client opens it again.
HANDSHAKE_S, IDLE_CONNECTION_S = 20.0, 600.0
#: Seconds without a byte until a connection with open calls is asked whether it is there, and for its answer.
KEEPALIVE_S, KEEPALIVE_TIMEOUT_S = 300.0, 60.0
#: Clients on other machines ask every 30 s whether the daemon is there.
LEAST_PING_MS = 10_000


def connection_options(max_connections: int) -> list[tuple[str, int]]:
    """Return the options of gRPC that limit connections, and what they may hold."""
    return [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_allowed_incoming_connections", max_connections),
        ("grpc.max_concurrent_streams", MAX_CONNECTION_CALLS),
        ("grpc.server_handshake_timeout_ms", round(HANDSHAKE_S * 1000)),
        ("grpc.max_connection_idle_ms", round(IDLE_CONNECTION_S * 1000)),
        ("grpc.keepalive_time_ms", round(KEEPALIVE_S * 1000)),
        ("grpc.keepalive_timeout_ms", round(KEEPALIVE_TIMEOUT_S * 1000)),
        ("grpc.http2.ping_timeout_ms", round(KEEPALIVE_TIMEOUT_S * 1000)),
        ("grpc.http2.min_ping_interval_without_data_ms", LEAST_PING_MS),
        ("grpc.so_reuseport", 0),
    ]
