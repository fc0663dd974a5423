"""A client with grpc-requests, as docs/contract.md says: nothing is compiled, the daemon's reflection service is read.

    python with_grpc_requests.py HOST:PORT SONG.wav OUT.raw

The token of the daemon is read from the environment, ACEBRIDGE_TOKEN.

Repaints a region, and prints the header of the output, the take, and the job with its pages; writes the samples.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import grpc
from grpc_requests import Client


class SendToken(
    grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamStreamClientInterceptor
):
    """Puts the token into every call, those to the reflection service included."""

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        token = ("authorization", f"Bearer {os.environ['ACEBRIDGE_TOKEN']}")
        return continuation(details._replace(metadata=[*(details.metadata or ()), token]), request)

    intercept_unary_stream = intercept_stream_stream = intercept_unary_unary


def main(address: str, song: Path, out: Path) -> None:
    client = Client(address, interceptors=[SendToken()])
    asset = client.request("acebridge.v1.AssetService", "ImportAsset", {"path": str(song)})
    request = {
        "submission": {"engine": "fake"},
        "source": {"asset_id": asset["id"]},
        "start_s": 0.5,
        "end_s": 1.0,
        "scope": "SCOPE_REGION",
        "mode": "REPAINT_MODE_AGGRESSIVE",
        "output": {"seeds": ["4294967295"]},
    }
    events = list(client.request("acebridge.v1.TaskService", "Repaint", request))
    (header,) = (event["audio_header"] for event in events if "audio_header" in event)
    chunks = [event["audio_chunk"] for event in events if "audio_chunk" in event]
    out.write_bytes(b"".join(base64.b64decode(chunk["data"]) for chunk in chunks))
    (take,) = (event["take_finished"] for event in events if "take_finished" in event)
    job = client.request("acebridge.v1.JobService", "GetJob", {"job_id": events[0]["job_id"]})
    seen, token = [], ""
    while True:
        page = client.request("acebridge.v1.JobService", "ListJobs", {"page_size": 1, "page_token": token})
        seen += [each["id"] for each in page["jobs"]]
        if not (token := page.get("next_page_token", "")):
            break
    try:
        client.request("acebridge.v1.JobService", "GetJob", {"job_id": "nope"})
    except grpc.RpcError as error:
        refused = error.details()
    print(json.dumps({"header": header, "take": take, "job": job, "seen": seen, "refused": refused}))


main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
