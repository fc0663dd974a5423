"""The panel in a browser, its form, its lists and its words, with a daemon that dies meanwhile."""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, Response, Route, expect

from acebridge.client.client import Client
from acebridge.errors import JobFailed
from tests.support.browser import CHROMIUM
from tests.support.daemon import (
    Daemon,
    create_tone_job,
    daemon_at,
    song,
    state,
    until,
    until_started,
    until_state,
    write_wav,
)
from tests.support.osc import osc_peer, port_of
from tests.support.panel import Panel, panel_beside
from tests.support.panel_user import (
    drag_region,
    drop,
    field,
    open_page,
    start,
    wait_for_end,
    wait_for_wave,
)
from tests.support.signals import clicks

pytestmark = [pytest.mark.host, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]
RATE_HZ, LENGTH_S = 44_100, 6.0
VERSE = "[Verse 1]\nOver the river"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("panel"), step_ms=5, config="[osc]\nport = 0\n") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def panel(daemon: Daemon) -> Iterator[Panel]:
    with panel_beside(daemon) as panel:
        yield panel


@pytest.fixture
def page(chromium: Browser, panel: Panel) -> Iterator[Page]:
    with open_page(chromium, panel) as page:
        yield page


@pytest.fixture
def source(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A song of six seconds, another one for each test."""
    seed = int.from_bytes(hashlib.sha256(request.node.name.encode()).digest()[:4], "big")
    file = tmp_path / "My song.wav"
    soundfile.write(file, song(LENGTH_S, seed=seed, rate_hz=RATE_HZ), RATE_HZ, subtype="FLOAT")
    return file


def connect(daemon: Daemon) -> Client:
    return Client(daemon.address, token=daemon.token)


def newest_job(page: Page) -> Any:
    """The job that the page shows, as the daemon has it."""
    return page.evaluate("""async () => {
        const [{ call }, { state }] = [await import("/panel/api.js"), await import("/panel/state.js")];
        return call("JobService", "GetJob", { job_id: state.job });
    }""")


def test_the_page_waits_for_a_daemon_and_goes_on_by_itself(chromium: Browser, panel: Panel, daemon: Daemon) -> None:
    context = chromium.new_context()
    page = context.new_page()
    daemon.kill()
    page.goto(panel.page_url())
    expect(page.get_by_role("heading", name="Waiting for the daemon")).to_be_visible()
    expect(page.locator("#away")).to_contain_text("acebridge serve")
    expect(page.locator("#status")).to_contain_text("daemon")
    daemon.start()
    expect(page.locator("#start")).to_be_visible()
    expect(page.get_by_role("heading", name="Waiting for the daemon")).to_be_hidden()
    context.close()


def test_a_long_list_of_jobs_shows_those_that_run_and_counts_all(page: Page, daemon: Daemon) -> None:
    daemon.hold(8210)
    with connect(daemon) as client:
        running = create_tone_job(client, 1.0, seed=8210)
        until_started(client, running)
        others = [create_tone_job(client, 0.1, seed=8300 + number) for number in range(31)]
    rows = page.locator("#jobs li")
    expect(page.locator("#status")).to_have_text("1 job runs, 31 wait")
    expect(rows).to_have_count(31)
    expect(rows.first).to_contain_text("runs")
    expect(page.locator(f'#jobs [data-key="{others[0]}"]')).to_have_count(0)
    page.get_by_role("button", name="Earlier jobs").click()
    expect(page.locator(f'#jobs [data-key="{others[0]}"]')).to_be_visible()
    daemon.release()
    expect(page.locator("#status")).to_have_text("Ready")


def test_a_job_is_followed_through_the_death_of_the_daemon(page: Page, daemon: Daemon) -> None:
    daemon.hold(8201)
    with connect(daemon) as client:
        job_id = create_tone_job(client, 1.0, seed=8201)
    row = page.locator(f'#jobs [data-key="{job_id}"]')
    row.get_by_role("button", name=re.compile("^Show")).click()
    expect(page.locator("#work .stage")).to_contain_text(re.compile("fake|%"))
    expect(page.locator("#work").get_by_role("button", name="Cancel")).to_be_visible()
    daemon.kill()
    expect(page.locator("#work .stage")).to_contain_text("The daemon is away")
    daemon.start()
    daemon.release()
    wait_for_end(page)
    expect(row).to_contain_text("done")


def test_a_job_waits_with_its_place_and_is_cancelled(page: Page, daemon: Daemon) -> None:
    daemon.hold(8202)
    with connect(daemon) as client:
        create_tone_job(client, 1.0, seed=8202)
        waiting = create_tone_job(client, 1.0, seed=8203)
    row = page.locator(f'#jobs [data-key="{waiting}"]')
    row.get_by_role("button", name=re.compile("^Show")).click()
    expect(page.locator("#work .stage")).to_contain_text("1 job is before it")
    page.locator("#work").get_by_role("button", name="Cancel").click()
    expect(page.locator("#work .stage")).to_contain_text("It was cancelled")
    expect(row).to_contain_text("cancelled")
    daemon.release()


def test_takes_are_deleted_by_a_second_click(page: Page, daemon: Daemon) -> None:
    with connect(daemon) as client:
        job_id = create_tone_job(client, 0.1, seed=8420)
        until_state(client, job_id, "succeeded")
        row = page.locator(f'#jobs [data-key="{job_id}"]')
        expect(row).to_contain_text("done")
        page.clock.install()
        page.clock.pause_at(datetime.now(timezone.utc) + timedelta(seconds=1))  # a question goes after five seconds
        row.get_by_role("button", name=re.compile("^Delete Text to music")).click()
        question = row.get_by_role("button", name=re.compile("^Delete[?] Its take goes"))
        expect(question).to_be_visible()
        assert state(client, job_id) == "succeeded"
        question.click()
        expect(row).to_have_count(0)
        with pytest.raises(JobFailed, match=job_id):
            state(client, job_id)


def test_errors_stand_beside_the_field_that_they_name(page: Page, tmp_path: Path) -> None:
    page.get_by_label("Task", exact=True).select_option("text2music")
    field(page, "submission.engine").select_option("draft")
    takes = field(page, "output.takes")
    takes.fill("99")
    start(page)
    expect(takes).to_have_attribute("aria-invalid", "true")
    expect(takes).to_be_focused()
    expect(page.locator('[data-path="output.takes"] .fault')).to_contain_text("allowed: 1 to 8")
    takes.fill("1")
    expect(takes).not_to_have_attribute("aria-invalid", "true")
    key = field(page, "music.keyscale")
    key.fill("H sharp")
    page.locator("#task details.more").evaluate("each => { each.open = false; }")
    start(page)
    expect(page.locator('[data-path="music.keyscale"] .fault')).to_contain_text(
        re.compile("^Key is 'H sharp'.*Write for example")
    )
    expect(key).to_be_focused()
    key.fill("")
    page.get_by_label("Task", exact=True).select_option("repaint")
    start(page)
    expect(page.locator("#source .fault").first).to_be_visible()

    text = tmp_path / "notes.txt"
    text.write_text("no audio at all")
    drop(page, text)
    expect(page.locator("#source .fault").first).to_contain_text("notes.txt")
    assert page.evaluate("async () => (await import('/panel/state.js')).state.source") is None


def test_what_was_entered_is_there_again_and_earlier_prompts_can_be_taken(page: Page) -> None:
    page.get_by_label("Task", exact=True).select_option("text2music")
    field(page, "submission.engine").select_option("draft")
    field(page, "duration_s").fill("0.5")
    field(page, "music.caption").fill("first prompt")
    field(page, "music.lyrics").fill(VERSE)
    field(page, "music.bpm").fill("96")
    start(page)
    wait_for_end(page)
    page.get_by_role("button", name="Use as source Take 1").click()
    page.get_by_label("By bars").check()
    expect(page.get_by_label("Tempo, bpm")).to_have_value("96")
    field(page, "music.caption").fill("second prompt")
    field(page, "output.seeds").fill("4, 5")
    page.reload()
    expect(page.locator("#start")).to_be_visible()
    assert field(page, "music.caption").input_value() == "second prompt"
    assert field(page, "output.seeds").input_value() == "4, 5"
    assert field(page, "duration_s").input_value() == "0.5"
    page.get_by_text("Earlier prompts").click()
    page.get_by_role("button", name="first prompt").click()
    assert field(page, "music.caption").input_value() == "first prompt"
    assert field(page, "music.lyrics").input_value() == VERSE
    page.get_by_label("Task", exact=True).select_option("cover")
    assert field(page, "music.caption").input_value() == "first prompt"  # words go along with the musician


def test_the_keyboard_alone_writes_lyrics_and_starts(page: Page) -> None:
    page.get_by_label("Task", exact=True).select_option("text2music")
    field(page, "submission.engine").select_option("draft")
    field(page, "duration_s").fill("0.5")
    lyrics = field(page, "music.lyrics")
    lyrics.fill("")
    bar = page.get_by_role("group", name="Add a section to the lyrics")
    bar.get_by_role("button", name="[Verse]").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Over the river")
    bar.get_by_role("button", name="[Chorus]").press("Space")
    page.keyboard.type("and away")
    bar.get_by_role("button", name="[Verse]").press("Enter")
    assert lyrics.input_value() == "[Verse 1]\nOver the river\n\n[Chorus]\nand away\n\n[Verse 2]\n"
    expect(page.locator('[data-path="music.lyrics"] .note')).to_contain_text(
        "3 sections, 2 lines, 55 of 4,096 characters"
    )
    expect(lyrics).to_be_focused()
    page.keyboard.press("Control+Enter")
    wait_for_end(page)
    assert newest_job(page)["request"]["text_to_music"]["music"]["lyrics"].startswith("[Verse 1]")


def test_recordings_of_other_programs_are_offered_with_their_origin(page: Page, daemon: Daemon, source: Path) -> None:
    with connect(daemon) as client:
        audio = client.upload(source)
        fields = {
            "source": {"asset_id": audio.asset_id}, "tracks": ["bass"],
            "submission": {"engine": "draft", "origin": {"host": "REAPER 7.42"}},
        }  # fmt: skip
        page.evaluate(
            """async (extract) => (await import('/panel/api.js')).call('JobService', 'CreateJob', { request: { extract } })""",
            fields,
        )
    expect(page.locator("#jobs li").first).to_contain_text("REAPER 7.42")
    page.get_by_text("Recordings that are here").click()
    row = page.locator(f'#offers [data-key="{audio.asset_id}"]')
    expect(row).to_contain_text("from REAPER 7.42")
    row.get_by_role("button").click()
    expect(page.locator(".source-name")).to_contain_text("My song.wav · 0:06 · 44.1 kHz")
    wait_for_wave(page)


def test_a_source_is_named_once_and_its_task_says_that_it_is_not_used(page: Page, source: Path) -> None:
    write_wav(source, song(0.1))
    drop(page, source)
    expect(page.locator(".source-name")).to_contain_text("My song.wav · 0.1 s · ")
    expect(page.locator("#region-hint")).to_contain_text("Text to music uses no source.")
    unnamed, midi = page.locator("#file"), page.get_by_label("MIDI file to follow")
    assert unnamed.evaluate("each => getComputedStyle(each).fontSize") == "0px"  # no "No file chosen" beside its name
    assert midi.evaluate("each => each.clientWidth") > 300  # "No file chosen" has room
    page.get_by_label("Task", exact=True).select_option("repaint")
    expect(page.locator("#region-hint")).to_contain_text("The region is made again")


def test_files_have_the_hash_that_they_have_elsewhere(page: Page) -> None:
    for size in (0, 55, 56, 63, 64, 65, 119, 1_000_003):
        data = bytes(number % 251 for number in range(size))
        hashes = page.evaluate(
            """async (size) => {
            const { hashFile, hashInWorker } = await import("/panel/api.js");
            const bytes = Uint8Array.from({ length: size }, (_, number) => number % 251);
            return [await hashFile(new Blob([bytes])), await hashInWorker(new Blob([bytes]))];
        }""",
            size,
        )
        assert hashes == [hashlib.sha256(data).hexdigest()] * 2


def test_models_and_programs_are_shown(page: Page) -> None:
    expect(page.locator("#models")).to_contain_text(re.compile(r"disk: .+ free · memory: .+ free"))
    expect(page.locator("#models").get_by_role("button", name="Pull acestep-v15-turbo", exact=True)).to_be_visible()
    expect(page.locator("#hosts")).to_contain_text(re.compile(r"OSC session · port \d+"))


def test_a_pull_shows_how_far_it_is_and_why_it_ends(page: Page) -> None:
    first = {"name": "basic-pitch", "stage": "asking", "done_bytes": 0, "total_bytes": 0}
    step = {"name": "basic-pitch", "stage": "fetching", "done_bytes": 121_000, "total_bytes": 242_000}
    error = {"error": {"reason": "ENGINE_FAILURE", "message": "The Hub cannot be reached.", "remedy": "Connect."}}
    asked: list[str | None] = []

    def answer(route: Route) -> None:
        asked.append(route.request.post_data)
        steps = "".join(f"event: progress\ndata: {json.dumps(each)}\n\n" for each in (first, step))
        body = f"{steps}event: error\ndata: {json.dumps(error)}\n\n"
        route.fulfill(body=body, content_type="text/event-stream")

    page.route("**/panel/api/models/pull", answer)
    page.evaluate("""() => {
        const bar = document.querySelector("#models progress");
        window.shares = []; window.stages = [];
        new MutationObserver(() => window.shares.push(bar.value)).observe(bar, { attributes: true });
        const added = (changes) => changes.flatMap((each) => [...each.addedNodes].map((text) => text.data));
        const note = (changes) => window.stages.push(...added(changes));
        new MutationObserver(note).observe(bar.nextElementSibling, { childList: true });
    }""")
    page.locator("#models").get_by_role("button", name="Pull basic-pitch").click()
    expect(page.locator("#models .fault")).to_contain_text("The Hub cannot be reached. Connect.")
    expect(page.locator("#models progress")).to_be_hidden()
    assert asked == [json.dumps({"name": "basic-pitch"}, separators=(",", ":"))]
    assert page.evaluate("window.shares.includes(0.5)")
    steps = ["basic-pitch: asking the Hub", "basic-pitch: fetching 121 kB of 242 kB"]
    assert page.evaluate("window.stages")[1:3] == steps


def test_the_tempo_that_understand_finds_draws_bars(page: Page, source: Path) -> None:
    beats = clicks(np.arange(0, 16, 0.5), 16.0, rate_hz=RATE_HZ, peak=0.3)
    accents = clicks(np.arange(0, 16, 2.0), 16.0, rate_hz=RATE_HZ, peak=0.5)
    soundfile.write(source, beats + accents, RATE_HZ, subtype="FLOAT")
    drop(page, source)
    wait_for_wave(page)
    page.get_by_label("Task", exact=True).select_option("understand")
    field(page, "submission.engine").select_option("draft")
    start(page)
    wait_for_end(page)
    expect(page.locator("#answer dl")).to_contain_text(re.compile(r"Tempo(perhaps )?(119|120|121)"))
    page.get_by_label("By bars").check()
    tempo = float(page.get_by_label("Tempo, bpm").input_value())
    assert tempo == pytest.approx(120, abs=1.5)
    drag_region(page, 0.3, 0.72)
    region = page.evaluate("async () => (await import('/panel/state.js')).state.region")
    beats_a_bar = float(page.get_by_label("Beats in a bar").input_value())
    bars = (region["end_s"] - region["start_s"]) * tempo / 60 / beats_a_bar
    assert bars == pytest.approx(round(bars), abs=0.02)
    assert bars >= 1
    page.get_by_role("button", name="Make a song of it").click()
    assert float(field(page, "music.bpm").input_value()) == pytest.approx(120, abs=1.5)


def test_the_session_of_osc_is_edited(page: Page, daemon: Daemon) -> None:
    page.get_by_text(re.compile("^OSC session")).click()
    with osc_peer(port_of(daemon.home)) as peer:
        page.locator("#osc-caption").fill("warm soul")
        page.locator("#osc-takes").fill("3")
        page.locator("#osc-takes").press("Tab")
        until(lambda: peer.session() == {"caption": "warm soul", "takes": 3}, "the session")
        page.locator("#osc-takes").fill("99")
        page.locator("#osc-takes").press("Tab")
        expect(page.locator("#hosts .fault").last).to_contain_text("1 to 8")
        assert peer.session()["takes"] == 3


def test_an_instance_of_the_plug_in_is_shown_and_gets_a_caption(page: Page, daemon: Daemon) -> None:
    folder = daemon.home / "plugin" / "aa0000000001"
    (folder / "commands").mkdir(parents=True)
    facts = {"host": "Carla", "state": "none", "task": "lego", "caption": "warm"}
    (folder / "instance.json").write_text(json.dumps(facts))
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        page.get_by_text("Plug-in in Carla · lego").click()
        page.locator("#aa0000000001-caption").fill("colder")
        page.locator("#aa0000000001-caption").blur()  # what has the keyboard is not drawn again
        (file,) = until(lambda: list((folder / "commands").glob("*.json")), "a command")
        assert json.loads(file.read_text()) == {"caption": "colder"}
        answered = {
            **facts,
            "state": "done",
            "caption": "colder and slow",
            "answers": [{"command": file.name, "sentence": ""}],
        }
        (folder / "instance.json").write_text(json.dumps(answered))
        file.unlink()
        expect(page.get_by_text("Plug-in in Carla · lego · done")).to_be_visible()
        expect(page.locator("#aa0000000001-caption")).to_have_value("colder and slow")


def test_without_a_key_the_page_says_how_to_open_it_and_nothing_else(chromium: Browser, panel: Panel) -> None:
    context = chromium.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    closed = page.get_by_role("heading", name="Open the panel with acebridge panel")
    page.goto(panel.url)
    expect(closed).to_be_visible()
    assert page.locator("#panel").is_hidden()
    page.goto("about:blank")  # another code in the address alone loads no page
    page.goto(f"{panel.url}/#code=wrong")
    expect(closed).to_be_visible()
    assert f"{panel.url}/panel/session" in asked
    assert not [url for url in asked if "/v1/" in url or "/panel/api/" in url]
    context.close()


def test_the_address_keeps_no_code_and_all_that_is_loaded_is_small(chromium: Browser, panel: Panel) -> None:
    answers: list[Response] = []
    context = chromium.new_context()
    page = context.new_page()
    page.on("response", lambda answer: answers.append(answer))
    page.goto(panel.page_url())
    expect(page.locator("#start")).to_be_visible()
    assert page.url == f"{panel.url}/"
    assert all(answer.url.startswith((panel.url, "data:")) for answer in answers)
    files = [answer for answer in answers if answer.ok and "/v1/" not in answer.url and "/api/" not in answer.url]
    sizes = {answer.url: len(answer.body()) for answer in files}
    assert f"{panel.url}/panel/takes.js" in sizes
    assert sum(sizes.values()) < 300_000, json.dumps(sizes, indent=1)
    context.close()


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_no_serious_fault_and_nothing_is_cut(
    chromium: Browser, panel: Panel, axe: str, source: Path, width: int, dark: bool
) -> None:
    with open_page(chromium, panel, (width, 900), color_scheme="dark" if dark else "light") as page:
        write_wav(source, song(2.0))
        drop(page, source)
        drag_region(page, 0.2, 0.6)
        page.get_by_label("Task", exact=True).select_option("lego")
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        field(page, "output.takes").fill("99")
        start(page)
        expect(page.locator('[data-path="output.takes"] .fault')).to_be_visible()
        page.evaluate(axe)
        found = page.evaluate("""async () => (await axe.run()).violations.map((rule) => [rule.impact, rule.id,
            rule.nodes.map((node) => node.html.slice(0, 200) + " " + node.failureSummary)])""")
        serious = [each for each in found if each[0] in ("serious", "critical")]
        assert json.dumps(serious, indent=1) == "[]"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
