"""Tracks as they sound in a range, as files of exactly that range."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from acebridge.errors import ErrorReason, JobFailed
from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.session import Session, Span, Track, select_meanwhile
from acestep_runtime.audio.decode import probe
from acestep_runtime.errors import AceStepError

#: A bounce renders offline, or at least as fast as it plays.
_SLOWEST, _EXTRA_S = 4.0, 120.0
_RATES_HZ = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000)


def bounce(
    pro: ProTools, tracks: Sequence[Track], span: Span, needed: int, session: Session, folder: Path, *, with_mix: bool
) -> tuple[list[Path], int]:
    """Bounce ``tracks`` over ``span`` into ``folder``; return a file for each, and how many frames all of them have.

    With ``with_mix`` their volume and pan are rendered too. Raises `JobFailed` where Pro Tools refuses, where a file has
    another rate, or fewer frames than ``needed``: then nobody could say where it belongs.
    """
    if session.rate_hz not in _RATES_HZ:
        raise JobFailed(
            ErrorReason.INVALID_VALUE,
            f"The sample rate of the session is {session.rate_hz}; allowed: {', '.join(map(str, _RATES_HZ))}.",
            remedy="Set another one in Pro Tools' session setup.",
        )
    with select_meanwhile(pro, span):
        files = [_bounce(pro, track, span, session, folder, number, with_mix) for number, track in enumerate(tracks, 1)]
    shortest = min(len(span), *(_frames(file, session) for file in files))
    if shortest < needed:
        raise JobFailed(
            ErrorReason.INTERNAL,
            f"Pro Tools bounced {shortest} samples of the {needed} that are selected.",
            remedy="Select a range with audio on the track, then run it again.",
        )
    return files, shortest


def _bounce(
    pro: ProTools, track: Track, span: Span, session: Session, folder: Path, number: int, with_mix: bool
) -> Path:
    answer = pro.ask(
        "BounceTrack",
        {
            # The range is that of the time line: Pro Tools has refused in_location and out_location.
            "file_name_prefix": f"source-{number}",
            "file_type": "EMFType_WAV",
            "audio_info": {
                "compression_type": "CType_PCM",
                "export_format": "EFormat_Interleaved",
                "bit_depth": "BDepth_32Float",
                "sample_rate": f"SRate_{session.rate_hz}",
                "pad_to_frame_boundary": "TBool_False",
                "delivery_format": "EMDFormat_SingleFile",
            },
            "location_info": {
                "import_after_bounce": "TBool_False",
                "file_destination": "EMFDestination_Directory",
                "directory": f"{folder}{os.sep}",
            },
            "offline_bounce": "TBool_True",
            "src_track_id": track.id,
            "automation_options": {"render_volume_automation": with_mix, "render_pan_automation": with_mix},
        },
        answer_s=_EXTRA_S + _SLOWEST * len(span) / session.rate_hz,
    )
    files = [Path(path) for path in answer.file_paths]
    if len(files) != 1:
        raise JobFailed(
            ErrorReason.INTERNAL,
            f"Pro Tools bounced the track {track.name} into {len(files)} files; one is needed.",
            remedy="Select a mono or stereo track, then run it again.",
        )
    return files[0]


def _frames(file: Path, session: Session) -> int:
    """Return how many frames a file has. Raises `JobFailed` for one that is missing or has another rate."""
    try:
        info = probe(file)
    except (AceStepError, OSError) as error:
        raise JobFailed(
            ErrorReason.UNREADABLE_AUDIO,
            f"The file {file} that Pro Tools bounced cannot be read.",
            remedy="Let Pro Tools and AceBridge run on the same machine, for the same user.",
        ) from error
    if info.sample_rate != session.rate_hz:
        raise JobFailed(
            ErrorReason.INTERNAL,
            f"Pro Tools bounced at {info.sample_rate} Hz; the session has {session.rate_hz}.",
            remedy="Please report it, with the version of Pro Tools.",
        )
    return info.frames
