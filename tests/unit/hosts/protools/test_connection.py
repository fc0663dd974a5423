"""A connection says who it is, checks what it sends, and explains what does not come back."""

from __future__ import annotations

import threading

import pytest
from google.protobuf.json_format import ParseError

from acebridge.errors import ErrorReason, JobFailed
from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.faults import ProToolsLoss
from tests.support.fake_protools import FakeProTools


def test_it_registers_before_it_asks(fake: FakeProTools, pro: ProTools) -> None:
    assert pro.version == (2025, 10)
    assert fake.log == [
        ("HostReadyCheck", {}),
        ("RegisterConnection", {"company_name": "AceBridge", "application_name": "AceBridge"}),
        ("GetPTSLVersion", {}),
    ]


def test_what_ptsl_does_not_have_is_never_sent(fake: FakeProTools, pro: ProTools) -> None:
    with pytest.raises(ParseError):
        pro.ask("GetTimelineSelection", {"location_type": "TLType_Parsecs"})
    assert fake.commands[-1] == "GetPTSLVersion"


def test_a_command_that_is_not_answered_in_time_hints_at_a_dialog(fake: FakeProTools) -> None:
    with ProTools(fake.port, answer_s=5.0) as pro:
        fake.holds["GetSessionName"] = threading.Event()
        with pytest.raises(JobFailed) as error:
            pro.ask("GetSessionName", answer_s=0.05)
        fake.holds["GetSessionName"].set()
    assert error.value.kind is ErrorReason.TIMED_OUT
    assert str(error.value) == (
        "Pro Tools did not answer GetSessionName within 0.05 s. It may wait in a dialog: close that, then run it again."
    )


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (("TStatus_WaitingForUserInput", ""), "Pro Tools left GetSessionName with the status WaitingForUserInput."),
        (("TStatus_Completed", "{"), "The answer of Pro Tools to GetSessionName cannot be read."),
        (("TStatus_Completed", "[]"), "The answer of Pro Tools to GetSessionName cannot be read."),
        (("TStatus_Completed", '{"session_name": 5}'), "The answer of Pro Tools to GetSessionName cannot be read."),
    ],
)
def test_a_strange_answer_is_one_sentence(
    fake: FakeProTools, pro: ProTools, answer: tuple[str, str], message: str
) -> None:
    fake.answers["GetSessionName"] = answer
    with pytest.raises(JobFailed) as error:
        pro.ask("GetSessionName")
    assert error.value.message == message
    assert error.value.remedy.endswith(".")


def test_an_answer_of_an_older_pro_tools_without_a_body_is_ready(fake: FakeProTools) -> None:
    fake.answers["HostReadyCheck"] = ("TStatus_Completed", "")
    ProTools(fake.port).close()


def test_a_pro_tools_that_ends_is_lost(fake: FakeProTools, pro: ProTools) -> None:
    fake.stop()
    with pytest.raises(ProToolsLoss):
        pro.ask("GetSessionName")
