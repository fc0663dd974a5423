"""How many entries a list has."""

from __future__ import annotations

from acebridge.v1 import assets_pb2, jobs_pb2
from acestep_runtime.errors import InvalidValue

MAX_LISTED, USUALLY_LISTED = 1000, 100


def list_limit(request: jobs_pb2.ListJobsRequest | assets_pb2.ListAssetsRequest) -> int:
    """Return the limit that a request sets, or the default. Raises `InvalidValue`."""
    limit = request.limit if request.HasField("limit") else USUALLY_LISTED
    if not 1 <= limit <= MAX_LISTED:
        raise InvalidValue("limit", limit, f"1 to {MAX_LISTED}")
    return limit
