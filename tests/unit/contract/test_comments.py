"""Comments of the contract: those that protoc reads out of the same files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc_tools
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

from acebridge.contract.comments import comments
from tests.support.paths import ROOT

PROTOS = ROOT / "protos"


def test_comments_are_those_that_protoc_reads(tmp_path: Path) -> None:
    out = tmp_path / "contract.binpb"
    files = sorted(str(file.relative_to(PROTOS)) for file in (PROTOS / "acebridge" / "v1").glob("*.proto"))
    common = Path(grpc_tools.__file__).parent / "_proto"
    arguments = ["protoc", f"-I{PROTOS}", f"-I{common}", "--include_source_info", f"--descriptor_set_out={out}", *files]
    assert protoc.main(arguments) == 0
    expected: dict[str, str] = {}
    for file in FileDescriptorSet.FromString(out.read_bytes()).file:
        expected.update(_comments(file))
    assert len(expected) > 500
    assert comments() == expected


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """The comments in a file with the full names of what they stand at."""
    names = dict(_names(file))
    for location in file.source_code_info.location:
        name = names.get(tuple(location.path))
        if name and location.leading_comments:
            yield name, " ".join(location.leading_comments.split())


def _names(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    for number, message in enumerate(file.message_type):
        path, name = (4, number), message.name
        yield path, name
        yield from (((*path, 2, n), f"{name}.{field.name}") for n, field in enumerate(message.field))
    for number, enum in enumerate(file.enum_type):
        path, name = (5, number), enum.name
        yield path, name
        yield from (((*path, 2, n), f"{name}.{value.name}") for n, value in enumerate(enum.value))
    for number, service in enumerate(file.service):
        path, name = (6, number), service.name
        yield path, name
        yield from (((*path, 2, n), f"{name}.{method.name}") for n, method in enumerate(service.method))
