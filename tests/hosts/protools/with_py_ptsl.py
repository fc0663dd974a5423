"""What somebody does in Pro Tools, by py-ptsl: ``select`` tracks and a range, or ``read`` the session. Prints JSON.

It runs in an environment that has py-ptsl, and knows nothing of AceBridge.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import ptsl
from ptsl import PTSL_pb2 as pt


def select(engine: ptsl.Engine, name: str, start: str, stop: str) -> dict[str, Any]:
    """Select a track and a range of samples."""
    engine.select_tracks_by_name([name])
    engine.set_timeline_selection(
        in_time=start, play_start_marker_time=start, out_time=stop, location_type=pt.TLType_Samples
    )
    return {"selection": engine.get_timeline_selection(pt.TLType_Samples)}


def read(engine: ptsl.Engine) -> dict[str, Any]:
    """Return what py-ptsl can tell of the session."""
    return {
        "descriptor": hashlib.sha256(pt.DESCRIPTOR.serialized_pb).hexdigest(),
        "name": engine.session_name(),
        "path": engine.session_path(),
        "rate": engine.session_sample_rate(),
        "selection": engine.get_timeline_selection(pt.TLType_Samples),
        "locations": [[each.name, each.comments] for each in engine.get_memory_locations()],
        "tracks": [_track(engine, track) for track in engine.track_list()],
    }


def _track(engine: ptsl.Engine, track: pt.Track) -> dict[str, Any]:
    ask = engine.client.run_command
    (playlist,) = ask(pt.CId_GetTrackPlaylists, {"track_name": track.name})["playlists"]
    elements = ask(pt.CId_GetPlaylistElements, {"playlist_id": playlist["playlist_id"]})["elements_list"]
    return {
        "name": track.name,
        "stereo": track.format == pt.TF_Stereo,
        "selected": track.track_attributes.is_selected == pt.TAState_SetExplicitly,
        "colour": track.color,
        "clips": [[each["start_time"]["location"], each["end_time"]["location"]] for each in elements],
    }


def main(port: str, command: str, *arguments: str) -> None:
    """Do one of the two."""
    engine = ptsl.Engine(company_name="Tests", application_name="py-ptsl", address=f"localhost:{port}")
    try:
        print(json.dumps({"select": select, "read": read}[command](engine, *arguments)))
    finally:
        engine.close()


main(*sys.argv[1:])
