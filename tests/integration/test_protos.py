"""The wire contract: generated code is what the .proto files say, style is buf's, and the docs show every RPC."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor import FileDescriptor

from acebridge.contract.tasks import RPCS
from acebridge.v1 import assets_pb2, audio_pb2, daemon_pb2, jobs_pb2, metadata_pb2, models_pb2, tasks_pb2
from acestep_runtime.engines import registry
from acestep_runtime.tasks import TASKS
from tests.support.paths import ROOT

PROTOS = ROOT / "protos"
FILES: list[FileDescriptor] = [
    module.DESCRIPTOR for module in (assets_pb2, audio_pb2, daemon_pb2, jobs_pb2, metadata_pb2, models_pb2, tasks_pb2)
]
RPC_NAMES = [method.name for file in FILES for service in file.services_by_name.values() for method in service.methods]


def test_generated_code_is_current(tmp_path: Path) -> None:
    sources = sorted(str(path.relative_to(PROTOS)) for path in (PROTOS / "acebridge").rglob("*.proto"))
    outs = [f"--{kind}={tmp_path}" for kind in ("python_out", "pyi_out", "grpc_python_out")]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I", ".", *outs, *sources], cwd=PROTOS, check=True)
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.py*")}
    kept = {
        path.relative_to(PROTOS): path.read_text()
        for path in PROTOS.rglob("*_pb2*.py*")
        if "__pycache__" not in path.parts
    }
    assert made.keys() == kept.keys()
    stale = [str(path) for path in made if made[path] != kept[path]]
    assert not stale, f"run `make protos`: {stale}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: Path(file.name).stem)
def test_style(file: FileDescriptor) -> None:
    assert file.package == "acebridge.v1"
    assert str(Path(file.name).parent) == "acebridge/v1"
    for service in file.services_by_name.values():
        assert service.name.endswith("Service")
        for method in service.methods:
            assert method.input_type.name == f"{method.name}Request"
    for enum in file.enum_types_by_name.values():
        prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper()
        assert enum.values[0].name == f"{prefix}_UNSPECIFIED"
        assert enum.values[0].number == 0
        assert all(value.name.startswith(prefix + "_") for value in enum.values)
    for message in file.message_types_by_name.values():
        numbers = [field.number for field in message.fields]
        assert numbers == list(range(1, len(numbers) + 1))
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", field.name) for field in message.fields)


@pytest.mark.parametrize("path", sorted((PROTOS / "acebridge").rglob("*.proto")), ids=lambda path: path.stem)
def test_every_rpc_and_top_level_file_is_commented(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert lines[0].startswith("// ")
    for before, line in itertools.pairwise(lines):
        if line.strip().startswith("rpc ") and "DaemonStatus" not in line:
            assert before.strip().startswith("//"), line


def test_rpcs_tasks_and_engines_name_the_same_things() -> None:
    assert list(RPCS) == [method.name for method in tasks_pb2.DESCRIPTOR.services_by_name["TaskService"].methods]
    assert list(TASKS) == list(RPCS.values())
    assert all(registry.ENGINES["fake"].supports(task) for task in TASKS.values())


@pytest.mark.parametrize("rpc", RPC_NAMES)
def test_the_docs_show_every_rpc(rpc: str) -> None:
    assert f"### {rpc}\n" in (ROOT / "docs" / "contract.md").read_text("utf-8")
