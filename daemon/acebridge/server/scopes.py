"""What each scope of a token allows: one row for each method of each service. ``admin`` allows everything.

``submit`` is for programs that make music and follow what they made: it allows what names a job or an asset, whose ids nobody
guesses, and no list. ``read`` is for those that only look.
"""

from __future__ import annotations

from collections.abc import Collection

from acebridge.tokens import Scope

_SUBMIT = frozenset({Scope.SUBMIT})
_READ = frozenset({Scope.READ})
_BOTH = _SUBMIT | _READ
_NEITHER: frozenset[Scope] = frozenset()

#: Service and method → the scopes that allow it beside ``admin``.
SCOPES = {
    "acebridge.v1.TaskService": dict.fromkeys(
        (
            "TextToMusic", "Cover", "Repaint", "Lego", "Complete", "Extract", "Understand", "AlignLyrics", "Score",
            "CreateSample", "FormatSample", "Transcribe",
        ),
        _SUBMIT,
    ),
    "acebridge.v1.JobService": {
        "CreateJob": _SUBMIT,
        "GetJob": _BOTH,
        "ListJobs": _READ,
        "WatchJob": _BOTH,
        "NextBatch": _SUBMIT,
        "CancelJob": _SUBMIT,
        "DeleteJob": _NEITHER,
    },
    "acebridge.v1.AssetService": {
        "UploadAsset": _SUBMIT,
        "ContinueUpload": _SUBMIT,
        "ImportAsset": _SUBMIT,
        "DownloadAsset": _BOTH,
        "GetAsset": _BOTH,
        "ListAssets": _READ,
        "DeleteAsset": _NEITHER,
        "PinAsset": _SUBMIT,
        "UnpinAsset": _NEITHER,
    },
    "acebridge.v1.ModelService": {
        "GetCapabilities": _BOTH,
        "ListModels": _BOTH,
        "LoadModel": _NEITHER,
        "UnloadModel": _NEITHER,
    },
    "acebridge.v1.DaemonService": {
        "GetStatus": _BOTH,
        "Shutdown": _NEITHER,
    },
    "grpc.reflection.v1alpha.ServerReflection": {"ServerReflectionInfo": _BOTH},
}  # fmt: skip
#: The one service that needs no token: it says no more than that somebody serves.
OPEN_SERVICE = "grpc.health.v1.Health"


def is_known(method: str) -> bool:
    """Return whether there is a row for a method, or it is one of the open service."""
    service, name = _parts(method)
    return is_open(method) or name in SCOPES.get(service, {})


def is_open(method: str) -> bool:
    """Return whether a method, named as ``/service/method``, needs no token."""
    return method.startswith(f"/{OPEN_SERVICE}/")


def allows(scopes: Collection[Scope], method: str) -> bool:
    """Return whether a token with ``scopes`` may call a method; one that is in no table is for ``admin`` alone."""
    service, name = _parts(method)
    return Scope.ADMIN in scopes or not SCOPES.get(service, {}).get(name, _NEITHER).isdisjoint(scopes)


def scopes_for(method: str) -> list[str]:
    """Return the names of the scopes that allow a method."""
    service, name = _parts(method)
    allowed = SCOPES.get(service, {}).get(name, _NEITHER) | {Scope.ADMIN}
    return [scope.value for scope in Scope if scope in allowed]


def _parts(method: str) -> tuple[str, str]:
    """Return service and name of a method; a caller may send any text as one."""
    service, _, name = method.removeprefix("/").partition("/")
    return service, name
