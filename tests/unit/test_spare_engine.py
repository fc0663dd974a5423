"""Where memory is short for the models of the engine that ``auto`` took, another engine makes the takes and says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acestep_runtime.engines.base import EngineEvent, EngineRequest
from acestep_runtime.engines.fake import FakeEngine
from acestep_runtime.errors import EngineFailure, UnsupportedTask
from acestep_runtime.memory.need import NotEnoughMemory, does_not_fit
from acestep_runtime.recording import EngineChange, TakeFiles, record
from acestep_runtime.tasks import TextToMusic
from acestep_runtime.tasks.base import Output
from acestep_runtime.values import CancelToken

GIB = 2**30
SHORTAGE = "Model turbo needs 7.2 GiB of memory, and 4.0 GiB are free."
SONG = TextToMusic(duration_s=0.1, output=Output(takes=2, seeds=(1, 2)))


class LargeEngine(FakeEngine):
    """Does not fit after ``takes`` takes."""

    name = "large"

    def __init__(self, takes: int = 0, error: EngineFailure | None = None) -> None:
        self._takes = takes
        self._error = error or does_not_fit("turbo", int(7.2 * GIB), 4 * GIB, can_shrink=True)

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        if not self._takes:
            raise self._error
        self._takes -= 1
        yield from super().run(request, cancel)


class Unable(FakeEngine):
    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        del request, cancel
        raise UnsupportedTask("The unable engine cannot do text2music.")
        yield


def test_the_spare_engine_makes_all_takes_and_each_says_why(tmp_path: Path) -> None:
    events = list(record(SONG, LargeEngine(), tmp_path / "out", CancelToken(), note="Old.", spare=FakeEngine))
    (change,) = [event for event in events if isinstance(event, EngineChange)]
    assert change.engine == "fake"
    assert change.note == (
        f"The fake engine made this, as memory was short for the large engine. {SHORTAGE}"
        " Close other programs, then send it again."
    )
    takes = [event for event in events if isinstance(event, TakeFiles)]
    assert [take.metadata["warnings"] for take in takes] == [[change.note]] * 2
    alone = list(record(SONG, FakeEngine(), tmp_path / "alone", CancelToken()))
    made = [[output.path.name for output in event.outputs] for event in alone if isinstance(event, TakeFiles)]
    assert [[output.path.name for output in take.outputs] for take in takes] == made


@pytest.mark.parametrize(
    ("engine", "spare"),
    [
        (LargeEngine(), None),  # it was asked for by name
        (LargeEngine(1), FakeEngine),  # a take of it is there, and all should be of one kind
        (LargeEngine(), Unable),  # what fits less is no help
    ],
)
def test_the_shortage_is_the_error_where_no_other_engine_may_or_can(
    tmp_path: Path, engine: LargeEngine, spare: type[FakeEngine] | None
) -> None:
    with pytest.raises(NotEnoughMemory, match=SHORTAGE):
        list(record(SONG, engine, tmp_path, CancelToken(), spare=spare))


def test_no_other_error_changes_the_engine(tmp_path: Path) -> None:
    with pytest.raises(EngineFailure, match="broken"):
        list(record(SONG, LargeEngine(error=EngineFailure("broken")), tmp_path, CancelToken(), spare=FakeEngine))


def test_takes_of_an_earlier_attempt_keep_their_engine(tmp_path: Path) -> None:
    first = next(
        event for event in record(SONG, FakeEngine(), tmp_path / "first", CancelToken()) if isinstance(event, TakeFiles)
    )
    with pytest.raises(NotEnoughMemory):
        list(record(SONG, LargeEngine(), tmp_path / "rest", CancelToken(), [first], 1, spare=FakeEngine))
