"""The types of the services' stubs, which the generated code does not have. A test compares them with the contract.

Not of TaskService: its methods are alike, and `acebridge.contract.tasks` lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from grpc import StreamUnaryMultiCallable, UnaryStreamMultiCallable, UnaryUnaryMultiCallable

    from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2, models_pb2, tasks_pb2


class JobStub(Protocol):
    """JobService."""

    CreateJob: UnaryUnaryMultiCallable[jobs_pb2.CreateJobRequest, jobs_pb2.Job]
    GetJob: UnaryUnaryMultiCallable[jobs_pb2.GetJobRequest, jobs_pb2.Job]
    ListJobs: UnaryUnaryMultiCallable[jobs_pb2.ListJobsRequest, jobs_pb2.ListJobsResponse]
    WatchJob: UnaryStreamMultiCallable[jobs_pb2.WatchJobRequest, tasks_pb2.TaskEvent]
    NextBatch: UnaryStreamMultiCallable[jobs_pb2.NextBatchRequest, tasks_pb2.TaskEvent]
    CancelJob: UnaryUnaryMultiCallable[jobs_pb2.CancelJobRequest, jobs_pb2.Job]
    DeleteJob: UnaryUnaryMultiCallable[jobs_pb2.DeleteJobRequest, jobs_pb2.DeleteJobResponse]


class AssetStub(Protocol):
    """AssetService."""

    UploadAsset: StreamUnaryMultiCallable[assets_pb2.UploadAssetRequest, assets_pb2.Asset]
    ContinueUpload: UnaryUnaryMultiCallable[assets_pb2.ContinueUploadRequest, assets_pb2.Upload]
    ImportAsset: UnaryUnaryMultiCallable[assets_pb2.ImportAssetRequest, assets_pb2.Asset]
    DownloadAsset: UnaryStreamMultiCallable[assets_pb2.DownloadAssetRequest, assets_pb2.DownloadAssetResponse]
    GetAsset: UnaryUnaryMultiCallable[assets_pb2.GetAssetRequest, assets_pb2.Asset]
    ListAssets: UnaryUnaryMultiCallable[assets_pb2.ListAssetsRequest, assets_pb2.ListAssetsResponse]
    DeleteAsset: UnaryUnaryMultiCallable[assets_pb2.DeleteAssetRequest, assets_pb2.DeleteAssetResponse]
    PinAsset: UnaryUnaryMultiCallable[assets_pb2.PinAssetRequest, assets_pb2.Asset]
    UnpinAsset: UnaryUnaryMultiCallable[assets_pb2.UnpinAssetRequest, assets_pb2.Asset]


class ModelStub(Protocol):
    """ModelService."""

    GetCapabilities: UnaryUnaryMultiCallable[models_pb2.GetCapabilitiesRequest, models_pb2.Capabilities]
    ListModels: UnaryUnaryMultiCallable[models_pb2.ListModelsRequest, models_pb2.ListModelsResponse]
    LoadModel: UnaryUnaryMultiCallable[models_pb2.LoadModelRequest, models_pb2.Model]
    UnloadModel: UnaryUnaryMultiCallable[models_pb2.UnloadModelRequest, models_pb2.Model]


class DaemonStub(Protocol):
    """DaemonService."""

    GetStatus: UnaryUnaryMultiCallable[daemon_pb2.GetStatusRequest, daemon_pb2.DaemonStatus]
    Shutdown: UnaryUnaryMultiCallable[daemon_pb2.ShutdownRequest, daemon_pb2.ShutdownResponse]
