"""What a test leaves open is that test's fault: processes, sockets and files are collected before the next one begins.

Python reports an open file when it is collected, which may be in the middle of another test, and warnings are errors here.
"""

from __future__ import annotations

import gc
import traceback
import warnings
from collections.abc import Iterator
from contextlib import suppress

import pytest

_FAILURES = pytest.StashKey[list[BaseException]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    report = yield
    if call.excinfo is not None:
        item.stash.setdefault(_FAILURES, []).append(call.excinfo.value)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> object:
    """Empty the frames of a test that failed. They hold what it had open, and its failure is all there is to say of it."""
    done = yield
    if failures := item.stash.get(_FAILURES, []):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            for error in failures:
                _empty_frames(error)
            gc.collect()
        item.stash[_FAILURES] = []
    return done


def _empty_frames(error: BaseException | None) -> None:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # one that is raised from itself is its own cause
        seen.add(id(error))
        for frame, _line in traceback.walk_tb(error.__traceback__):
            with suppress(RuntimeError):  # it is still running
                frame.clear()
            _ = frame.f_locals  # a copy of them, which changes when it is asked for
        error = error.__cause__ or error.__context__


@pytest.fixture(autouse=True)
def _collect_garbage(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect what a test that works with processes has left, so that warnings about it are of this test."""
    if not {"integration", "hosts"} & set(request.path.parts):
        yield
        return
    gc.freeze()  # what was there before is not looked at: it would take a tenth of a second
    yield
    gc.collect()
