"""A connection to the Pro Tools that runs on this machine: commands by name, bodies as values, errors as sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf.json_format import ParseError

from acebridge.errors import JobFailed
from acebridge.hosts.protools import faults
from acebridge.hosts.protools.schema import METHOD, SERVICE, command_number, new_message, number_of, parse_body

#: Where Pro Tools listens.
PORT = 31416
#: How long a command may take that renders nothing.
ANSWER_S = 30.0
_NAME = "AceBridge"
#: Pro Tools listens at this machine alone; a proxy for the Internet knows nothing of it.
_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1))
_DONE, _FAILED = number_of("TaskStatus", "TStatus_Completed"), number_of("TaskStatus", "TStatus_Failed")


class ProTools:
    """A registered connection. ``version`` is that of its scripting interface: year and month.

    Raises what `acebridge.hosts.protools.faults` has: no Pro Tools, a busy one, one that is too old.
    """

    def __init__(self, port: int = PORT, *, answer_s: float = ANSWER_S) -> None:
        self.port = port
        self._answer_s = answer_s
        self._id = ""
        self._channel = grpc.insecure_channel(f"localhost:{port}", options=_OPTIONS)
        self._send: Any = self._channel.unary_unary(
            f"/{SERVICE}/{METHOD}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=type(new_message("Response")).FromString,
        )
        try:
            self._check_ready()
            registration = {"company_name": _NAME, "application_name": _NAME}
            self._id = self.ask("RegisterConnection", registration).session_id
            self.version = self._read_version()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> ProTools:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._channel.close()

    def ask(self, command: str, body: Mapping[str, Any] | None = None, *, answer_s: float | None = None) -> Any:
        """Run a command; return the message of its answer, ``None`` for a command that answers nothing.

        Raises `CommandRefusal`, `ProToolsLoss`, and ``ParseError`` for a body that PTSL does not have.
        """
        content = self._ask(command, body, answer_s or self._answer_s)
        try:
            return parse_body(f"{command}ResponseBody", content, strict=False)
        except ParseError as error:
            raise faults.unreadable(command) from error

    def _ask(self, command: str, body: Mapping[str, Any] | None, answer_s: float) -> dict[str, Any]:
        """Run a command; return its answer in JSON."""
        if body is not None:
            parse_body(f"{command}RequestBody", dict(body), strict=True)
        request = new_message("Request")
        request.header.command = command_number(command)
        request.header.session_id = self._id
        request.header.version, request.header.version_minor = faults.OLDEST
        request.request_body_json = "" if body is None else json.dumps(body, ensure_ascii=False)
        try:
            response: Any = self._send(request, timeout=answer_s)
        except grpc.RpcError as error:
            raise self._explain(error, command, answer_s) from error
        if response.header.status == _FAILED:
            raise faults.refusal(command, response.response_error_json)
        if response.header.status != _DONE:
            raise faults.incomplete(command, response.header.status)
        return _read_json(command, response.response_body_json)

    def _explain(self, error: grpc.RpcError, command: str, answer_s: float) -> JobFailed:
        if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
            return faults.silent(command, answer_s)
        return faults.ProToolsLoss() if self._id else faults.not_running(self.port)

    def _check_ready(self) -> None:
        if not self._ask("HostReadyCheck", None, self._answer_s).get("is_host_ready", True):
            raise faults.busy()

    def _read_version(self) -> tuple[int, int]:
        answer = self.ask("GetPTSLVersion")
        version = (answer.version, answer.version_minor)
        if version < faults.OLDEST:
            raise faults.too_old(".".join(map(str, version)))
        return version


def _read_json(command: str, text: str) -> dict[str, Any]:
    try:
        content = json.loads(text or "{}")
    except ValueError as error:
        raise faults.unreadable(command) from error
    if not isinstance(content, dict):
        raise faults.unreadable(command)
    return content
