"""What a client of the protocol lists, calls and reads, over any transport."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from weakref import WeakValueDictionary

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from acebridge.errors import AceBridgeError
from acebridge.hosts.mcp import calls
from acebridge.hosts.mcp.answers import Answer, error_facts, error_result, result_of
from acebridge.hosts.mcp.resources import TEMPLATES, list_resources, read_resource
from acebridge.hosts.mcp.tools import all_tools
from acebridge.version import VERSION
from acestep_runtime.errors import AceStepError, InvalidValue

if TYPE_CHECKING:
    from acebridge.hosts.mcp.access import Access
    from acebridge.hosts.mcp.calls import Call
    from acebridge.hosts.mcp.tool import Tool

Result = TypeVar("Result")
Context: TypeAlias = "ServerRequestContext[Any, Any]"
#: Returns the access that a request has.
FindAccess = Callable[[Context], "Access"]
_INSTRUCTIONS = (
    "AceBridge makes and changes music on this machine. Tools named after tasks (text2music, repaint, lego, extract, …) make a"
    " job, report progress, and return takes: files, assets and what was measured. Give a source as the full path of an audio"
    " file or as an asset id; times are seconds. place_audio puts a finished job on tracks of the project that is open in"
    " REAPER or Ardour. capabilities says which engines there are and which folders files may lie in."
)
#: A longest name of the program that calls, in lists of jobs.
_LONGEST_ORIGIN = 255


def make_server(find_access: FindAccess, names: Collection[str] = ()) -> Server[Any]:
    """Return a server whose calls reach the daemon as ``find_access`` says for each request.

    It offers the tools with these ``names``, or all. Raises `InvalidValue` for a name that no tool has.
    """
    tools = _choose(names)
    listed = types.ListToolsResult(tools=[tool.describe() for tool in tools.values()])
    #: Token, and whether its calls may last → their limit: long calls keep no other caller waiting, and not their own cancel.
    limiters: WeakValueDictionary[tuple[str | None, bool], anyio.CapacityLimiter] = WeakValueDictionary()

    def limiter_of(access: Access, *, lasts: bool) -> anyio.CapacityLimiter:
        key = access.token, lasts
        limiter = limiters[key] = limiters.get(key) or anyio.CapacityLimiter(calls.MAX_CALLS)
        return limiter

    async def list_tools(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return listed

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = tools.get(params.name)
        if tool is None:
            message = f"There is no tool {params.name[:100]!r}. Tools are {', '.join(tools)}."
            raise MCPError(code=types.INVALID_PARAMS, message=message)
        arguments = dict(params.arguments or {})

        def work(call: Call) -> types.CallToolResult:
            return _answer(lambda: tool.run(call, arguments))

        async def report(fraction: float, message: str) -> None:
            await context.session.report_progress(fraction, 1.0, message)

        access = find_access(context)
        limiter = limiter_of(access, lasts=tool.lasts)
        return await calls.run_call(work, access, _origin(context), report, limiter)

    async def page_of_resources(
        context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        cursor = (params.cursor if params is not None else None) or ""
        access = find_access(context)
        return await _run_for_client(partial(list_resources, access, cursor), limiter_of(access, lasts=False))

    async def templates(_: Context, __: types.PaginatedRequestParams | None) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(resource_templates=TEMPLATES)

    async def read(context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        access = find_access(context)
        return await _run_for_client(partial(read_resource, access, str(params.uri)), limiter_of(access, lasts=False))

    return Server(
        "acebridge",
        title="AceBridge",
        version=VERSION,
        instructions=_INSTRUCTIONS,
        get_tool_input_schema=lambda name: tools[name].schema if name in tools else None,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=page_of_resources,
        on_list_resource_templates=templates,
        on_read_resource=read,
    )


def _choose(names: Collection[str]) -> dict[str, Tool]:
    """Return the tools with these names, or all, in the order of the table."""
    tools = all_tools()
    for name in names:
        if name not in tools:
            raise InvalidValue("--tools", name, ", ".join(tools))
    return {name: tool for name, tool in tools.items() if name in names} if names else tools


def _answer(run: Callable[[], Answer]) -> types.CallToolResult:
    """Return the result of a tool; its errors are results, too, so that a model can act on them."""
    try:
        return result_of(run())
    except Exception as error:  # whatever a call raises, the server goes on
        return error_result(error)


async def _run_for_client(work: Callable[[], Result], limiter: anyio.CapacityLimiter) -> Result:
    """Run what waits for the daemon in a thread. Raises `MCPError` with message and remedy for our errors."""
    try:
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter)
    except (AceBridgeError, AceStepError, OSError) as error:
        facts = error_facts(error)
        text = " ".join(str(facts[name]) for name in ("message", "remedy") if name in facts)
        raise MCPError(code=types.INVALID_PARAMS, message=text, data=facts) from error


def _origin(context: Context) -> str:
    """Return the name of the program that calls, for lists of jobs."""
    params = context.session.client_params
    name = params.client_info.name if params is not None and params.client_info is not None else ""
    return f"{name or 'a client'} (MCP)"[-_LONGEST_ORIGIN:]
