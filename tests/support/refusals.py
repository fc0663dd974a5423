"""What a refused call says: its code, its sentence and its details."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2


class Refusal:
    """What a refused call says, taken apart with gRPC's own means."""

    def __init__(self, error: Any) -> None:
        self.code: grpc.StatusCode = error.code()
        self.text: str = error.details()
        self.info = error_details_pb2.ErrorInfo()
        self.fields: list[tuple[str, str]] = []
        (packed,) = (value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin")
        status_message = status_pb2.Status.FromString(packed)
        assert status_message.code == self.code.value[0]
        assert status_message.message == self.text
        for detail in status_message.details:
            request = error_details_pb2.BadRequest()
            if detail.Unpack(request):
                self.fields = [(v.field, v.description) for v in request.field_violations]
            else:
                assert detail.Unpack(self.info)
        assert self.info.domain == "acebridge.dev"
        self.check_language()

    def check_language(self) -> None:
        text = self.text
        assert text[-1] in ".?", text
        assert "Traceback" not in text
        assert "Errno" not in text
        assert "object at" not in text
        assert text.isprintable(), text
        assert len(text) < 600, text
        if remedy := self.info.metadata.get("remedy"):
            assert text.endswith(remedy)
        if "field" in self.info.metadata:
            ((field, description),) = self.fields
            assert field == self.info.metadata["field"]
            assert text.startswith(description)


def assert_refused(call: Callable[[], Any]) -> Refusal:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return Refusal(caught.value)
