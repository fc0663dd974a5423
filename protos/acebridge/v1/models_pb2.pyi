from acebridge.v1 import tasks_pb2 as _tasks_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetCapabilitiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EngineCapabilities(_message.Message):
    __slots__ = ("name", "about", "available", "missing", "tasks", "samplers", "guidance_methods")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    SAMPLERS_FIELD_NUMBER: _ClassVar[int]
    GUIDANCE_METHODS_FIELD_NUMBER: _ClassVar[int]
    name: str
    about: str
    available: bool
    missing: str
    tasks: _containers.RepeatedScalarFieldContainer[_tasks_pb2.TaskKind]
    samplers: _containers.RepeatedScalarFieldContainer[str]
    guidance_methods: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., about: _Optional[str] = ..., available: _Optional[bool] = ..., missing: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_tasks_pb2.TaskKind, str]]] = ..., samplers: _Optional[_Iterable[str]] = ..., guidance_methods: _Optional[_Iterable[str]] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_source_s", "max_duration_s", "max_takes", "max_inline_bytes", "max_upload_bytes", "max_waiting_jobs")
    MAX_SOURCE_S_FIELD_NUMBER: _ClassVar[int]
    MAX_DURATION_S_FIELD_NUMBER: _ClassVar[int]
    MAX_TAKES_FIELD_NUMBER: _ClassVar[int]
    MAX_INLINE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_UPLOAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_WAITING_JOBS_FIELD_NUMBER: _ClassVar[int]
    max_source_s: float
    max_duration_s: float
    max_takes: int
    max_inline_bytes: int
    max_upload_bytes: int
    max_waiting_jobs: int
    def __init__(self, max_source_s: _Optional[float] = ..., max_duration_s: _Optional[float] = ..., max_takes: _Optional[int] = ..., max_inline_bytes: _Optional[int] = ..., max_upload_bytes: _Optional[int] = ..., max_waiting_jobs: _Optional[int] = ...) -> None: ...

class Capabilities(_message.Message):
    __slots__ = ("version", "engines", "tracks", "limits", "devices")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ENGINES_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    version: str
    engines: _containers.RepeatedCompositeFieldContainer[EngineCapabilities]
    tracks: _containers.RepeatedScalarFieldContainer[str]
    limits: Limits
    devices: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, version: _Optional[str] = ..., engines: _Optional[_Iterable[_Union[EngineCapabilities, _Mapping]]] = ..., tracks: _Optional[_Iterable[str]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., devices: _Optional[_Iterable[str]] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("name", "engine", "loaded", "size_bytes", "problems")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    LOADED_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    name: str
    engine: str
    loaded: bool
    size_bytes: int
    problems: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., engine: _Optional[str] = ..., loaded: _Optional[bool] = ..., size_bytes: _Optional[int] = ..., problems: _Optional[_Iterable[str]] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AdapterFile(_message.Message):
    __slots__ = ("name", "size_bytes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    size_bytes: int
    def __init__(self, name: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models", "adapters")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    ADAPTERS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    adapters: _containers.RepeatedCompositeFieldContainer[AdapterFile]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ..., adapters: _Optional[_Iterable[_Union[AdapterFile, _Mapping]]] = ...) -> None: ...

class LoadModelRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class UnloadModelRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
