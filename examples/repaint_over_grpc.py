"""Repaint a region with the generated stubs only, as a plug-in in any language would.

    acebridge serve --port 50710 &
    python examples/repaint_over_grpc.py song.wav 4 8 "brighter piano" region.wav --address 127.0.0.1:50710

The token of the daemon is read from the environment, ACEBRIDGE_TOKEN, or from the data folder.
Only the region and its crossfades are returned (SCOPE_REGION); the header has their place in the song.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import soundfile

from acebridge.addresses import is_address, is_local
from acebridge.paths import data_folder
from acebridge.v1 import assets_pb2, assets_pb2_grpc, audio_pb2, tasks_pb2, tasks_pb2_grpc


def upload(song: Path) -> Iterator[assets_pb2.UploadAssetRequest]:
    """Yield the file in chunks of a megabyte, its name first."""
    yield assets_pb2.UploadAssetRequest(name=song.name)
    with song.open("rb") as file:
        while data := file.read(1 << 20):
            yield assets_pb2.UploadAssetRequest(data=data)


def metadata() -> list[tuple[str, str]]:
    """Return what every call carries: the daemon's token."""
    token = os.environ.get("ACEBRIDGE_TOKEN") or (data_folder() / "token").read_text("ascii")
    return [("authorization", f"Bearer {token}")]


def main() -> None:
    """Repaint and write the new region."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("song", type=Path)
    parser.add_argument("start_s", type=float)
    parser.add_argument("end_s", type=float)
    parser.add_argument("caption")
    parser.add_argument("out", type=Path)
    parser.add_argument("--address", default="127.0.0.1:50710")
    args = parser.parse_args()
    if not (is_address(args.address) and is_local(args.address)):
        parser.error(
            "this example speaks no TLS, and without it no token may leave this machine: give a loopback address"
        )

    token = metadata()
    direct = [("grpc.enable_http_proxy", 0)]  # whatever proxy the environment names
    with grpc.insecure_channel(args.address, direct) as channel:
        asset = assets_pb2_grpc.AssetServiceStub(channel).UploadAsset(upload(args.song), metadata=token)
        request = tasks_pb2.RepaintRequest(
            source=audio_pb2.AudioInput(asset_id=asset.id),
            music=tasks_pb2.Music(caption=args.caption),
            start_s=args.start_s,
            end_s=args.end_s,
            scope=tasks_pb2.SCOPE_REGION,
            output=tasks_pb2.Output(takes=1, seeds=[7]),
        )
        region = np.zeros((0, 2), np.float32)
        header = audio_pb2.AudioHeader()
        for event in tasks_pb2_grpc.TaskServiceStub(channel).Repaint(request, metadata=token):
            if event.HasField("progress"):
                print(f"{event.progress.fraction:4.0%} {event.progress.stage}")
            elif event.HasField("audio_header"):
                header = event.audio_header
                region = np.zeros((header.frames, header.channels), np.float32)
            elif event.HasField("audio_chunk"):
                chunk = event.audio_chunk
                samples = np.frombuffer(chunk.data, "<f4").reshape(-1, header.channels)
                region[chunk.offset_frames : chunk.offset_frames + len(samples)] = samples
    soundfile.write(args.out, region, header.sample_rate, subtype="FLOAT")
    print(f"{args.out}: {header.frames} frames, to be placed at frame {header.start_frame} of {args.song.name}")


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as failed:
        sys.exit(f"{failed.code().name}: {failed.details()}")
    except OSError as failed:
        sys.exit(str(failed))
