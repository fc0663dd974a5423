"""The descriptor is what its notice says, and has all that is asked."""

from __future__ import annotations

import hashlib
import re

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.json_format import ParseError

from acebridge.hosts.protools.schema import command_number, message_type, name_of, names_of, parse_body
from tests.support.ptsl_descriptor import DESCRIPTOR, FOLDER, NOTICE, descriptor_of


def test_the_notice_has_the_hash_of_the_descriptor_and_its_licence() -> None:
    notice = NOTICE.read_text("utf-8")
    assert f"SHA-256: {hashlib.sha256(DESCRIPTOR.read_bytes()).hexdigest()}\n" in notice
    assert "BSD 3-Clause License" in notice
    assert "Copyright (c) 2023, Jamie Hardt" in notice


def test_the_descriptor_holds_no_text_of_a_specification() -> None:
    content = FileDescriptorProto.FromString(DESCRIPTOR.read_bytes())
    assert (content.name, content.package) == ("PTSL.proto", "ptsl")
    assert not content.HasField("source_code_info"), "comments are there"


def test_every_command_that_is_asked_is_known() -> None:
    asked = {name for file in FOLDER.glob("*.py") for name in re.findall(r'ask\(\s*"(\w+)"', file.read_text("utf-8"))}
    assert {"BounceTrack", "SpotClipsByID", "EditMemoryLocation"} <= asked
    assert {name: command_number(name) > 0 for name in asked} == dict.fromkeys(asked, True)


def test_numbers_are_those_of_ptsl() -> None:
    assert {name: command_number(name) for name in ("GetTrackList", "SpotClipsByID", "BounceTrack")} == {
        "GetTrackList": 3, "SpotClipsByID": 124, "BounceTrack": 134,
    }  # fmt: skip
    assert names_of("CommandErrorType", 106) == ("PT_NoOpenedSession", "CEType_PT_NoOpenedSession")
    assert name_of("MemoryLocationReference", 2) == "MLReference_Absolute"
    assert names_of("CommandErrorType", 9999) == ()


def test_a_request_is_checked_strictly_and_an_answer_is_not() -> None:
    with pytest.raises(ParseError):
        parse_body("BounceTrackRequestBody", {"tempo": 120}, strict=True)
    answer = parse_body("GetTrackListResponseBody", {"track_list": {}, "novelty": 1}, strict=False)
    assert len(answer.track_list) == 0
    assert message_type("UndoNothingRequestBody") is None
    assert parse_body("SpotClipsByIDResponseBody", {}, strict=False) is None


def test_only_a_module_of_ptsl_has_the_descriptor() -> None:
    assert descriptor_of(f"pool.AddSerializedFile({DESCRIPTOR.read_bytes()!r})") == DESCRIPTOR.read_bytes()
    with pytest.raises(ValueError, match="no descriptor of PTSL"):
        descriptor_of("pool.AddSerializedFile(b'')")
