"""Messages of a client on standard input that cannot be read: they are answered, and the next one is taken."""

from __future__ import annotations

import anyio
import mcp_types as types
import pytest
from mcp.shared._context_streams import create_context_streams
from mcp.shared.message import SessionMessage

from acebridge.hosts.mcp.stdio import _Readable


def read(line: str) -> SessionMessage | Exception:
    """What the library makes of a line."""
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except Exception as error:
        return error


DEEP = f'{{"jsonrpc": "2.0", "id": 7, "method": "ping", "params": {{"a": {"[" * 300}{"]" * 300}}}}}'
HALF = r'{"jsonrpc": "2.0", "id": "x", "method": "ping", "params": {"a": "\ud83d"}}'


@pytest.mark.parametrize(
    ("line", "number", "code"),
    [
        (DEEP, 7, types.PARSE_ERROR),
        (HALF, "x", types.PARSE_ERROR),
        (HALF.replace('"x"', r'"\ud83d"'), "\N{REPLACEMENT CHARACTER}", types.PARSE_ERROR),
        ("[" * 9000, None, types.PARSE_ERROR),
        ("{", None, types.PARSE_ERROR),
        ("[]", None, types.INVALID_REQUEST),
        ('{"jsonrpc": "2.0", "id": 5, "method": 7}', 5, types.INVALID_REQUEST),
    ],
)
def test_what_cannot_be_read_is_answered(line: str, number: int | str | None, code: int) -> None:
    async def run() -> None:
        sending, incoming = create_context_streams[SessionMessage | Exception](3)
        outgoing, sent = create_context_streams[SessionMessage](3)
        async with sending, incoming, outgoing, sent:
            for each in ("\n", line, '{"jsonrpc": "2.0", "id": 8, "method": "ping"}'):
                await sending.send(read(each))
            async with _Readable(incoming, outgoing) as readable:
                message = await anext(readable)
            answer = (await sent.receive()).message
        assert isinstance(message.message, types.JSONRPCRequest)
        assert message.message.id == 8
        assert isinstance(answer, types.JSONRPCError)
        assert (answer.id, answer.error.code) == (number, code)
        assert answer.error.message.endswith("Send JSON-RPC with whole characters, nested less than 200 deep.")

    anyio.run(run)
