from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Encoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENCODING_UNSPECIFIED: _ClassVar[Encoding]
    ENCODING_FLOAT32: _ClassVar[Encoding]
    ENCODING_PCM24: _ClassVar[Encoding]
    ENCODING_PCM16: _ClassVar[Encoding]
ENCODING_UNSPECIFIED: Encoding
ENCODING_FLOAT32: Encoding
ENCODING_PCM24: Encoding
ENCODING_PCM16: Encoding

class Region(_message.Message):
    __slots__ = ("start_s", "end_s")
    START_S_FIELD_NUMBER: _ClassVar[int]
    END_S_FIELD_NUMBER: _ClassVar[int]
    start_s: float
    end_s: float
    def __init__(self, start_s: _Optional[float] = ..., end_s: _Optional[float] = ...) -> None: ...

class AudioInput(_message.Message):
    __slots__ = ("asset_id", "inline", "path", "region", "name")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    INLINE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    inline: bytes
    path: str
    region: Region
    name: str
    def __init__(self, asset_id: _Optional[str] = ..., inline: _Optional[bytes] = ..., path: _Optional[str] = ..., region: _Optional[_Union[Region, _Mapping]] = ..., name: _Optional[str] = ...) -> None: ...

class AudioHeader(_message.Message):
    __slots__ = ("output", "take", "role", "sample_rate", "channels", "encoding", "frames", "start_frame", "chunks")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    TAKE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    START_FRAME_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    output: int
    take: int
    role: str
    sample_rate: int
    channels: int
    encoding: Encoding
    frames: int
    start_frame: int
    chunks: bytes
    def __init__(self, output: _Optional[int] = ..., take: _Optional[int] = ..., role: _Optional[str] = ..., sample_rate: _Optional[int] = ..., channels: _Optional[int] = ..., encoding: _Optional[_Union[Encoding, str]] = ..., frames: _Optional[int] = ..., start_frame: _Optional[int] = ..., chunks: _Optional[bytes] = ...) -> None: ...

class AudioChunk(_message.Message):
    __slots__ = ("output", "offset_frames", "data")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FRAMES_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    output: int
    offset_frames: int
    data: bytes
    def __init__(self, output: _Optional[int] = ..., offset_frames: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...
