import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WorkerStatus(_message.Message):
    __slots__ = ("device", "pid", "job_id", "restarts", "memory_bytes", "models", "label", "problem")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    device: str
    pid: int
    job_id: str
    restarts: int
    memory_bytes: int
    models: _containers.RepeatedScalarFieldContainer[str]
    label: str
    problem: str
    def __init__(self, device: _Optional[str] = ..., pid: _Optional[int] = ..., job_id: _Optional[str] = ..., restarts: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., models: _Optional[_Iterable[str]] = ..., label: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...

class RemoteDaemon(_message.Message):
    __slots__ = ("address", "up", "problem", "version")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    UP_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    address: str
    up: bool
    problem: str
    version: str
    def __init__(self, address: _Optional[str] = ..., up: _Optional[bool] = ..., problem: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class DaemonStatus(_message.Message):
    __slots__ = ("version", "pid", "start_time", "data_dir", "roots", "waiting_jobs", "running_jobs", "stored_bytes", "quota_bytes", "workers", "remote")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    DATA_DIR_FIELD_NUMBER: _ClassVar[int]
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    WAITING_JOBS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_JOBS_FIELD_NUMBER: _ClassVar[int]
    STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    QUOTA_BYTES_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    REMOTE_FIELD_NUMBER: _ClassVar[int]
    version: str
    pid: int
    start_time: _timestamp_pb2.Timestamp
    data_dir: str
    roots: _containers.RepeatedScalarFieldContainer[str]
    waiting_jobs: int
    running_jobs: int
    stored_bytes: int
    quota_bytes: int
    workers: _containers.RepeatedCompositeFieldContainer[WorkerStatus]
    remote: RemoteDaemon
    def __init__(self, version: _Optional[str] = ..., pid: _Optional[int] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., data_dir: _Optional[str] = ..., roots: _Optional[_Iterable[str]] = ..., waiting_jobs: _Optional[int] = ..., running_jobs: _Optional[int] = ..., stored_bytes: _Optional[int] = ..., quota_bytes: _Optional[int] = ..., workers: _Optional[_Iterable[_Union[WorkerStatus, _Mapping]]] = ..., remote: _Optional[_Union[RemoteDaemon, _Mapping]] = ...) -> None: ...

class ShutdownRequest(_message.Message):
    __slots__ = ("only_if_idle",)
    ONLY_IF_IDLE_FIELD_NUMBER: _ClassVar[int]
    only_if_idle: bool
    def __init__(self, only_if_idle: _Optional[bool] = ...) -> None: ...

class ShutdownResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
