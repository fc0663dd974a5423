"""How a page gets the key of the panel."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from acebridge.hosts.http.bodies import read_object
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.errors import answer_json
from acebridge.hosts.http.keys import CODE_S


async def make_code(edge: Edge, _: Request) -> Response:
    """Answer ``POST /panel/api/codes``: a code for a page, which the caller opens with it."""
    return answer_json({"code": edge.codes.make(), "expires_in_s": CODE_S})


async def answer_session(edge: Edge, request: Request) -> Response:
    """Answer ``POST /panel/session``: the key of the panel, for a code."""
    fields = await read_object(request)
    code = fields.get("code")
    edge.codes.take(code if isinstance(code, str) else "")
    return answer_json({"key": edge.panel_key})
