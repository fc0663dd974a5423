"""Every script runs in a real Ardour with all its modules: with its dialog, which is closed, or without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from acebridge.hosts.ardour.scripts import JOBS_HOOK, SCRIPTS
from tests.hosts.ardour.test_action_sources import find_window, is_gone, press
from tests.support.ardour_studio import ArdourStudio, ardour_studio
from tests.support.daemon import until

pytestmark = pytest.mark.host

NAMES = {script.name for script in SCRIPTS}
WITH_DIALOG = [
    script for script in SCRIPTS if f"{script.name} (no dialog)" in NAMES or script.name == "AceBridge: Settings"
]
WITHOUT = [script for script in SCRIPTS if script not in (*WITH_DIALOG, JOBS_HOOK)]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArdourStudio]:
    """Run Ardour without the hook, and with those actions that have dialogs."""
    with ardour_studio(tmp_path_factory.mktemp("studio"), 48_000) as studio:
        studio.ardour.stop()
        texts = {each.name: (studio.ardour.config / "scripts" / each.file).read_text("utf-8") for each in WITH_DIALOG}
        studio.ardour.open({}, texts)
        yield studio


def test_each_script_without_a_dialog_leaves_a_sentence_or_a_file(studio: ArdourStudio) -> None:
    for script in WITHOUT:
        said, files = studio.messages, set(studio.own.rglob("*"))
        studio.ardour.run(f"""
        ardour = function() end
        loadfile("{studio.ardour.config / "scripts" / script.file}")()
        factory()()
        """)
        assert studio.messages != said or set(studio.own.rglob("*")) != files, script.name
        assert not studio.fault, studio.messages


def test_each_dialog_opens_and_is_cancelled(studio: ArdourStudio) -> None:
    said, jobs = studio.messages, studio.jobs
    for script in WITH_DIALOG:
        studio.ardour.act(script.name)
        window = find_window(studio, f"^{script.name}$")
        press(studio, window, "key", "Escape")
        until(lambda window=window: is_gone(studio, window), script.name)
    assert (studio.messages, studio.jobs) == (said, jobs)
