"""Files of a page: one folder, flat, of known kinds."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from acebridge.hosts.http.access import PAGE_POLICY

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
}
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[a-z0-9]+)+")
_START = "index.html"


def page_routes(folder: Path | None) -> list[BaseRoute]:
    """Return the routes for the files in ``folder``: its start page at ``/``, each file at ``/panel/FILE``."""
    if folder is None:
        return []

    def answer(name: str) -> Response:
        path, kind = folder / name, _KINDS.get(Path(name).suffix)
        if kind is None or not _NAME.fullmatch(name) or not path.is_file():
            raise HTTPException(404)
        headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
        return FileResponse(path, media_type=kind, headers=headers)

    async def start(_: Request) -> Response:
        return answer(_START)

    async def file(request: Request) -> Response:
        return answer(request.path_params["file"])

    return [Route("/", start), Route("/panel/{file}", file)]
