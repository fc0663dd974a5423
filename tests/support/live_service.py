"""The actions for Live in a thread of the test, connected to a simulated Live."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from unittest import mock

import ableton_extensions.framework

from acebridge.hosts.live.actions import ACTIONS, STRETCH
from acebridge.hosts.live.extension import Service, make_extension
from tests.support.daemon import until
from tests.support.fake_live import FakeLive

#: Entries in the menus: each action in each scope, with and without dialog.
MENU = sum(len(action.scopes) * (2 if action.form else 1) for action in ACTIONS) + len(STRETCH)


@contextmanager
def serving(live: FakeLive, service: Service) -> Iterator[None]:
    """Serve the actions by the package's own loop, which connects again whenever Live is there again."""
    stop = threading.Event()

    def sleep(_: float) -> None:
        if stop.wait(0.02):
            raise KeyboardInterrupt  # as Ctrl-C does

    app = make_extension(live.url, service)
    with mock.patch.object(ableton_extensions.framework, "time", SimpleNamespace(sleep=sleep)):
        thread = threading.Thread(target=app.run)
        thread.start()
        try:
            until(lambda: len(live.menu) == MENU, "the menu")
            yield
        finally:
            stop.set()
            thread.join()
