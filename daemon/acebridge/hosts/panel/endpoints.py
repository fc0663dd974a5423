"""The endpoints that only the page needs, under ``/panel/api/``: all are behind the key of the panel, which the edge checks.

Whatever waits, for the daemon, a DAW, a disk or the network, runs in a thread.
"""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from acebridge.errors import NotFound
from acebridge.hosts.http.bodies import read_object
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.errors import answer_json, error_body, plain_error
from acebridge.hosts.http.events import KEEPALIVE, KEEPALIVE_S, event_bytes
from acebridge.hosts.panel import hosts, models, osc
from acebridge.hosts.panel.export import Exports
from acebridge.hosts.panel.tables import tables
from acestep_runtime.errors import InvalidValue, printable

if TYPE_CHECKING:
    from pydantic import JsonValue

Result = TypeVar("Result")
_EXPORTS = "/panel/exports"
#: How many requests may wait at the same time for a DAW, a disk or the network; further ones wait for them.
_MOST_WAITING = 64


def routes(edge: Edge, *, pulls: models.Pulls | None = None) -> list[BaseRoute]:
    """Return the routes of the panel at ``edge``; ``pulls`` fetches models."""
    exports = Exports()
    edge.closers.append(exports.close)
    panel = _Panel(edge, pulls or models.Pulls(), exports)

    def route(path: str, answer: Callable[[Request], Awaitable[Response]], *methods: str) -> Route:
        return Route(path, answer, methods=list(methods))

    return [
        route("/panel/api/tables", panel.answer_tables, "GET"),
        route("/panel/api/hosts", panel.answer_hosts, "GET"),
        route("/panel/api/instances/{instance_id}", panel.change_instance, "POST"),
        route("/panel/api/place", panel.place, "POST"),
        route("/panel/api/export", panel.export, "POST"),
        route(f"{_EXPORTS}/{{word}}/{{name}}", panel.answer_export, "GET"),
        route("/panel/api/models", panel.answer_models, "GET"),
        route("/panel/api/models/pull", panel.pull, "POST"),
        route("/panel/api/models/cancel", panel.stop_pull, "POST"),
        route("/panel/api/osc", panel.answer_osc, "GET"),
        route("/panel/api/osc", panel.set_osc, "POST"),
    ]


class _Panel:
    """What the endpoints share: the edge, the pull of a model, the exported projects."""

    def __init__(self, edge: Edge, pulls: models.Pulls, exports: Exports) -> None:
        self._edge = edge
        self._pulls = pulls
        self._exports = exports
        self._threads = anyio.CapacityLimiter(_MOST_WAITING)

    async def _in_thread(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Return what a function does that waits. A DAW may take long: the threads that all calls need stay free."""
        return await anyio.to_thread.run_sync(function, *arguments, abandon_on_cancel=True, limiter=self._threads)

    async def answer_tables(self, _: Request) -> Response:
        """Answer what forms need to know."""
        return answer_json(tables())

    async def answer_hosts(self, _: Request) -> Response:
        """Answer which programs are open."""
        projects, instances, session = await asyncio.gather(
            self._in_thread(hosts.describe_projects),
            self._in_thread(hosts.describe_instances),
            self._in_thread(osc.read_session),
        )
        return answer_json({"projects": projects, "instances": instances, "osc": session})

    async def change_instance(self, request: Request) -> Response:
        """Change an instance of the plug-in, or press its button."""
        change = await read_object(request)
        return answer_json(await self._in_thread(hosts.change_instance, request.path_params["instance_id"], change))

    async def place(self, request: Request) -> Response:
        """Put audio into an open project."""
        fields = await read_object(request)
        _check_names(fields, "asset_id", "project_id", "position_s", "name", "track")
        asset_id, project_id = _text(fields, "asset_id"), _text(fields, "project_id")
        position_s = fields.get("position_s")
        if position_s is not None and (isinstance(position_s, bool) or not isinstance(position_s, (int, float))):
            raise InvalidValue("position_s", printable(str(position_s)), "seconds")
        name = _text(fields, "track", "") or _text(fields, "name", "")

        def place() -> dict[str, JsonValue]:
            with self._edge.client() as client:
                return hosts.place_asset(client, asset_id, project_id, position_s=position_s, name=name)

        return answer_json(await self._in_thread(place))

    async def export(self, request: Request) -> Response:
        """Write the project of a job; answer where it can be downloaded without a key."""
        fields = await read_object(request)
        _check_names(fields, "job_id", "format")
        job_id, form = _text(fields, "job_id"), _text(fields, "format")

        def export() -> dict[str, Any]:
            with self._edge.client() as client:
                word, made = self._exports.write(client, job_id, form)
            return {"url": f"{_EXPORTS}/{word}/{quote(made.name)}", "name": made.name, "notes": list(made.notes)}

        return answer_json(await self._in_thread(export))

    async def answer_export(self, request: Request) -> Response:
        """Answer the file of a project."""
        found = self._exports.find(request.path_params["word"])
        if found is None:
            raise NotFound("This project is not here any more.", remedy="Export it again.")
        kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
        return FileResponse(found.file, media_type=kind, filename=found.name)

    async def answer_models(self, _: Request) -> Response:
        """Answer which models there are, and the pull that is under way."""
        described = await self._in_thread(lambda: models.describe_models(models.models_folder()))
        return answer_json({**described, "pull": self._pulls.state()})

    async def pull(self, request: Request) -> Response:
        """Fetch a model, or join that; answer its progress as events."""
        fields = await read_object(request)
        _check_names(fields, "name")
        name = _text(fields, "name")
        self._pulls.start(name, await self._in_thread(models.models_folder))
        return StreamingResponse(self._pull_events(), media_type="text/event-stream")

    async def _pull_events(self) -> AsyncIterator[bytes]:
        steps = self._pulls.watch()
        silence_s = 0.0
        try:
            while not self._edge.stopping.is_set():
                step = await self._in_thread(next, steps, _END)
                if isinstance(step, _End):
                    yield event_bytes("completed", {})
                    return
                silence_s = silence_s + models.LOOK_S if step is None else 0.0
                if step is not None:
                    yield event_bytes("progress", step)
                elif silence_s >= KEEPALIVE_S:
                    silence_s = 0.0
                    yield KEEPALIVE
        except Exception as error:  # whatever ends a pull is said
            yield event_bytes("error", error_body(plain_error(error)))

    async def stop_pull(self, _: Request) -> Response:
        """Stop fetching a model."""
        return answer_json({"stopped": self._pulls.stop()})

    async def answer_osc(self, _: Request) -> Response:
        """Answer the session of OSC; an empty object without a bridge."""
        return answer_json(await self._in_thread(osc.read_session) or {})

    async def set_osc(self, request: Request) -> Response:
        """Set fields of the session of OSC; answer the session as it is then."""
        values = await read_object(request)
        await self._in_thread(osc.set_session, values)
        return answer_json(await self._in_thread(osc.read_session) or {})


class _End:
    """The end of an iterator, where ``StopIteration`` cannot pass."""


_END = _End()


def _check_names(fields: Mapping[str, JsonValue], *allowed: str) -> None:
    """Raise `InvalidValue` for a field that is not known."""
    for name in fields:
        if name not in allowed:
            raise InvalidValue(printable(name), printable(str(fields[name])), f"one of the fields {', '.join(allowed)}")


def _text(fields: Mapping[str, JsonValue], name: str, default: str | None = None) -> str:
    """Return a field that is text; ``default`` where it is missing. Raises `InvalidValue`."""
    value = fields.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise InvalidValue(name, printable(str(value or "")), "text")
    return value
