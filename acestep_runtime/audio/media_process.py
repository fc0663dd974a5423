"""The process in which PyAV decodes a media file: ``header`` or ``decode``, the demuxer, a URL of a file.

It writes AU with float32 samples, as ``ffmpeg -f au`` does, and with ``header`` only that header, and to stderr the length.
"""

from __future__ import annotations

import struct
import sys
from typing import Any, BinaryIO

_UNKNOWN = 0xFFFF_FFFF
_FLOAT = 6


def main() -> None:
    """Do what the arguments say."""
    import av

    work, demuxer, url = sys.argv[1:]
    options = {"protocol_whitelist": "file"}
    with av.open(url, format=demuxer, options=options) as container:
        if not container.streams.audio:
            sys.exit("no audio")
        stream = container.streams.audio[0]
        if work == "header":
            length_s = _write_header_alone(container, stream, sys.stdout.buffer)
            print(
                f"Duration: {_clock((container.duration or 0) / av.time_base)}\ntime={_clock(length_s)}",
                file=sys.stderr,
            )
        else:
            _decode(av, container, stream, sys.stdout.buffer)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(seconds, 60)
    return f"{int(minutes) // 60:02}:{int(minutes) % 60:02}:{seconds:09.6f}"


def _write_header_alone(container: Any, stream: Any, out: BinaryIO) -> float:
    """Write the header and return the length in seconds that the packets have, which are not decoded."""
    frame, end_s, total_s = None, 0.0, 0.0
    for packet in container.demux(stream):
        if packet.pts is not None and packet.time_base is not None:
            duration_s = float((packet.duration or 0) * packet.time_base)
            end_s = max(end_s, float(packet.pts * packet.time_base) + duration_s)
            total_s += duration_s
        if frame is None:
            frame = next(iter(packet.decode()), None)
            if frame is not None:
                _write_au(out, frame)
    return min(end_s, total_s) if total_s else end_s


def _decode(av: Any, container: Any, stream: Any, out: BinaryIO) -> None:
    resampler: Any = None
    try:
        for frame in container.decode(stream):
            if resampler is None:
                _write_au(out, frame)
                resampler = av.AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate)
            for converted in resampler.resample(frame):
                _write_samples(out, converted)
    except av.error.FFmpegError as error:  # what was decoded counts; the file was cut off
        print(error, file=sys.stderr)
    for converted in resampler.resample(None) if resampler is not None else ():
        _write_samples(out, converted)


def _write_au(out: BinaryIO, frame: Any) -> None:
    out.write(struct.pack(">4sIIIII", b".snd", 24, _UNKNOWN, _FLOAT, frame.sample_rate, frame.layout.nb_channels))
    out.flush()


def _write_samples(out: BinaryIO, frame: Any) -> None:
    out.write(frame.to_ndarray().astype(">f4").tobytes())


if __name__ == "__main__":
    main()
