"""Takes of the panel in a browser: what is said of them, keys, mixer, lyrics, out of the page."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from urllib.request import urlopen

import pytest
import soundfile

from tests.support.browser import CHROMIUM
from tests.support.daemon import PATIENCE_S
from tests.support.panel_mouse import TARGET, drag_to_other_page
from tests.support.panel_page import PanelServer, wait_until
from tests.support.signals import noise

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.host, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]

RATE = 44_100
SOURCE, TAKE_1, TAKE_2 = (noise(4, rate_hz=RATE, rms=rms, seed=seed) for seed, rms in enumerate((0.1, 0.2, 0.05)))
DRUMS, BASS = noise(4, rate_hz=RATE, seed=5), noise(4, rate_hz=RATE, seed=6)
LINES = [
    {"start_s": 0.5, "end_s": 1.5, "text": "Over the river",
     "words": [{"start_s": 0.5, "end_s": 0.8, "text": "Over"}, {"start_s": 0.8, "end_s": 1.0, "text": "the"},
               {"start_s": 1.0, "end_s": 1.5, "text": "river"}]},
    {"start_s": 2, "end_s": 3, "text": "and away", "translations": ["und fort"]},
]  # fmt: skip


def asset(name: str) -> str:
    return name.ljust(64, "0")


def output(number: int, take: int, name: str, role: str = "mix", **more: Any) -> dict[str, Any]:
    shape = {"sample_rate": RATE, "channels": 2, "frames": 4 * RATE}
    return {"output": number, "take": take, "role": role, "asset_id": asset(name), **shape, **more}


SOURCE_ASSET = {"id": asset("5"), "name": "My song.wav", "sample_rate": RATE, "channels": 2, "frames": 4 * RATE}
JOB = {
    "id": "a" * 32, "task": "repaint", "state": "succeeded",
    "request": {"repaint": {"source": {"asset_id": asset("5")}, "start_s": 1.0, "end_s": 2.0,
                            "output": {"takes": 2, "seeds": [7, 8]},
                            "submission": {"idempotency_key": "x", "engine": "draft"}}},
    "takes": [
        {"take": 1, "seed": 7, "outputs": [output(1, 1, "1")],
         "metadata": {"bpm": 104.04, "keyscale": "G minor", "score": {"fit": 0.812, "notes": ["It is 120 ms late."]},
                      "lines": LINES, "sections": [{"start_s": 0.5, "end_s": 3, "name": "Verse 1"}]}},
        {"take": 2, "seed": 8, "outputs": [output(2, 2, "2")], "metadata": {"variations": [{"amount": 0.3, "seed": 9}]}},
    ],
}  # fmt: skip
STEMS = {
    "id": "b" * 32, "task": "extract", "state": "succeeded", "request": {"extract": {"source": {"asset_id": asset("5")}}},
    "takes": [{"take": 1, "outputs": [output(1, 1, "d", "drums"), output(2, 1, "b", "bass")]}],
}  # fmt: skip


@pytest.fixture(scope="module")
def files(server: PanelServer, tmp_path_factory: pytest.TempPathFactory) -> PanelServer:
    """The server with assets, and the answers of a daemon that keeps everything."""
    folder = tmp_path_factory.mktemp("assets")
    for name, samples in {"5": SOURCE, "1": TAKE_1, "2": TAKE_2, "d": DRUMS, "b": BASS}.items():
        server.assets[asset(name)] = folder / f"{name}.wav"
        soundfile.write(folder / f"{name}.wav", samples, RATE, "FLOAT")
    pinned: set[str] = set()

    def answer_asset(body: dict[str, Any]) -> Any:
        known = next((each for each in (SOURCE_ASSET,) if each["id"] == body["asset_id"]), None)
        shape = {"id": body["asset_id"], "name": "Take.wav", "sample_rate": RATE, "channels": 2, "frames": 4 * RATE}
        return {**(known or shape), **({"pinned": True} if body["asset_id"] in pinned else {})}

    def pin(body: dict[str, Any]) -> Any:
        pinned.add(body["asset_id"])
        return answer_asset(body)

    def unpin(body: dict[str, Any]) -> Any:
        pinned.discard(body["asset_id"])
        return answer_asset(body)

    queued = json.dumps({"sequence": 1, "job_id": "d" * 32, "queued": {}})
    server.answers |= {
        "/v1/AssetService/GetAsset": answer_asset, "/v1/AssetService/PinAsset": pin, "/v1/AssetService/UnpinAsset": unpin,
        "/v1/JobService/CreateJob": lambda _: {"id": "c" * 32, "state": "queued"},
        "/v1/JobService/NextBatch": lambda _: f"id: 1\nevent: queued\ndata: {queued}\n\n",
        "/panel/api/export": lambda _: {"url": "/exports/song.dawproject"},
        "/panel/api/place": lambda _: {},
    }  # fmt: skip
    server.pages["/panel/api/hosts"] = json.dumps(
        {"projects": [{"id": "p1", "host": "REAPER", "name": "Demo", "open": True}]}
    )
    return server


def show_takes(page: Page, files: PanelServer, job: Any = JOB, source: Any = SOURCE_ASSET) -> None:
    page.goto(f"{files.address}/")
    page.evaluate(
        """async ([job, source]) => {
            const { showTakes } = await import("/panel/takes.js"), { player } = await import("/panel/player.js");
            const element = document.createElement("section");
            element.setAttribute("aria-label", "Takes");
            document.querySelector("main").append(element);
            window.jobs = []; window.used = [];
            const origin = { host: "The panel" }, onJob = (id) => jobs.push(id), onUse = (...what) => used.push(what);
            window.takes = showTakes(element, job, source, { origin, onJob, onUse, variation: 0.3 });
            window.player = player;
        }""",
        [job, source],
    )


def ready(page: Page, count: int) -> None:
    wait_until(page, f"[...player.sounds.values()].filter((each) => each.lufs !== null).length === {count}")


def test_takes_say_what_is_known_of_them(page: Page, files: PanelServer) -> None:
    show_takes(page, files)
    ready(page, 3)
    first, second = page.get_by_role("article", name="Take 1"), page.get_by_role("article", name="Take 2")
    for text in ("104 bpm", "G minor", "fit 0.81", "seed 7", "It is 120 ms late.", "dB for equal loudness"):
        assert text in first.inner_text()
    assert "seed 8 varied by 0.3 towards 9" in second.inner_text()
    mark = first.locator(".strip-mark.new")
    assert mark.evaluate("each => [each.style.left, each.style.width]") == ["25%", "25%"]
    assert page.get_by_role("article", name="Source").locator(".strip-mark.old").is_visible()
    rates = page.evaluate("[...player.sounds.values()].map((each) => [each.rate, each.have])")
    assert rates == [[RATE, 4 * RATE]] * 3


def test_the_clock_of_takes_of_a_region_is_that_of_their_source(page: Page, files: PanelServer) -> None:
    region = {"start_s": 1.0, "end_s": 3.0}
    fields = {"source": {"asset_id": asset("5"), "region": region}}
    show_takes(page, files, {**JOB, "task": "cover", "request": {"cover": fields}})
    ready(page, 3)
    page.evaluate("player.seek(1)")
    assert page.locator(".takes-time").inner_text() == "0:02 / 0:05"
    place = page.get_by_role("slider", name="Place in Take 1")
    assert place.get_attribute("aria-valuetext") == "0:02 of 0:05"
    show_takes(page, files)
    ready(page, 3)
    assert page.locator(".takes-time").inner_text().endswith(" / 0:04")


@pytest.mark.parametrize("number", [1, 2])
def test_a_take_is_dragged_out_as_it_is_stored(page: Page, files: PanelServer, number: int, tmp_path: Path) -> None:
    show_takes(page, files)
    target = page.context.new_page()
    files.others["/target"] = TARGET
    target.goto(f"{files.address.replace('127.0.0.1', 'localhost')}/target")
    link = page.get_by_role("link", name=f"Drag or download My song take {number}")
    wait_until(page, "(link) => Boolean(link.href)", link.element_handle())
    stored = files.assets[asset(str(number))].read_bytes()
    with page.expect_download() as download:
        link.click()
    download.value.save_as(tmp_path / "saved.wav")
    assert (tmp_path / "saved.wav").read_bytes() == stored
    assert download.value.suggested_filename == f"My song take {number}.wav"
    handed, dropped = drag_to_other_page(link, target)
    kind, name, url = handed["downloadurl"].split(":", 2)
    assert (kind, name) == ("audio/x-wav", f"My song take {number}.wav")
    assert url == handed["text/uri-list"] == dropped["text/uri-list"]
    assert unquote(url).endswith(f"/{name}")
    with urlopen(url, timeout=PATIENCE_S) as answer:
        assert answer.read() == stored
    target.close()


def test_keys_choose_play_and_go(page: Page, files: PanelServer) -> None:
    show_takes(page, files)
    ready(page, 3)
    for key, chosen in (
        ("1", "take 1"),
        ("2", "take 2"),
        ("0", "source of the takes"),
        ("ArrowDown", "take 1"),
        ("ArrowUp", "source of the takes"),
    ):
        page.keyboard.press(key)
        assert page.evaluate("player.chosen") == chosen
    page.keyboard.press(" ")
    wait_until(page, "player.isPlaying && player.time > 0.1")
    page.keyboard.press(" ")
    assert page.evaluate("player.isPlaying") is False
    place = page.evaluate("player.time")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("player.time") == pytest.approx(min(4, place + 5))
    page.keyboard.press("Home")
    assert page.evaluate("player.time") == 0
    page.keyboard.press("l")
    assert page.evaluate("player.isEqual") is False
    assert not page.get_by_label("Equal loudness").is_checked()
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<input id=field aria-label=Field>')")
    page.locator("#field").press("1")
    assert page.locator("#field").input_value() == "1"
    assert page.evaluate("player.chosen") == "source of the takes"


def test_actions_ask_the_daemon(page: Page, files: PanelServer) -> None:
    show_takes(page, files)
    files.asked.clear()
    first = page.get_by_role("article", name="Take 1")
    keep = first.get_by_role("button", name="Keep Take 1")
    keep.click()
    wait_until(page, "(keep) => keep.getAttribute('aria-pressed') === 'true'", keep.element_handle())
    keep.click()
    wait_until(page, "(keep) => keep.getAttribute('aria-pressed') === 'false'", keep.element_handle())
    page.get_by_role("button", name="Vary Take 2").click()
    wait_until(page, "jobs.length === 1")
    first.get_by_role("button", name="Again Take 1").click()
    wait_until(page, "jobs.length === 2")
    first.get_by_role("button", name="Use as source Take 1").click()
    wait_until(page, "used.length === 1")
    first.get_by_role("button", name="Extend Take 1").click()
    wait_until(page, "used.length === 2")
    first.locator("summary", has_text="Place").click()
    first.get_by_role("button", name="Demo in REAPER").click()
    wait_until(page, "!document.querySelector('details[open]')")
    asked = dict(files.asked)
    assert asked["/v1/AssetService/PinAsset"] == asked["/v1/AssetService/UnpinAsset"] == {"asset_id": asset("1")}
    varied = asked["/v1/JobService/CreateJob"]["request"]["repaint"]
    assert varied["output"] == {"seeds": [8], "variation": 0.3, "base_variations": [{"amount": 0.3, "seed": 9}]}
    assert varied["submission"] == {"engine": "draft", "origin": {"host": "The panel"}}
    assert varied["start_s"] == 1
    assert page.evaluate("jobs") == ["c" * 32, "d" * 32]
    used = page.evaluate("used.map(([asset, ...rest]) => [asset.id, asset.marks, ...rest])")
    region, marks = {"start_s": 4, "end_s": 34}, {"bpm": 104.04, "timesignature": None}
    assert used == [[asset("1"), marks, None, None], [asset("1"), marks, region, "repaint"]]
    assert asked["/panel/api/place"] == {"asset_id": asset("1"), "project_id": "p1", "position_s": 0, "name": "Take 1"}


def test_an_answer_that_is_older_than_a_click_changes_nothing(
    page: Page, files: PanelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row asks whether its take is kept; before the answer is there, somebody keeps it."""
    read, is_kept = files.answers["/v1/AssetService/GetAsset"], threading.Event()

    def read_late(body: dict[str, Any]) -> Any:
        answer = read(body)
        if body["asset_id"] == asset("1"):
            assert is_kept.wait(PATIENCE_S)
        return answer

    monkeypatch.setitem(files.answers, "/v1/AssetService/GetAsset", read_late)
    show_takes(page, files)
    keep = page.get_by_role("button", name="Keep Take 1")
    with page.expect_response(lambda answer: answer.request.post_data_json == {"asset_id": asset("1")}) as late:
        keep.click()
        wait_until(page, "(keep) => keep.getAttribute('aria-pressed') === 'true'", keep.element_handle())
        is_kept.set()
    late.value.finished()
    page.evaluate("fetch('/').then((answer) => answer.text())")  # by then the page has read what came before
    assert keep.get_attribute("aria-pressed") == "true"
    keep.click()
    wait_until(page, "(keep) => keep.getAttribute('aria-pressed') === 'false'", keep.element_handle())


def test_stems_are_mixed(page: Page, files: PanelServer) -> None:
    show_takes(page, files, STEMS)
    ready(page, 3)
    assert "seed" not in page.get_by_role("article", name="Take 1, stems").inner_text()
    page.get_by_role("button", name="Mute Drums").click()
    assert page.evaluate("player.chosen") == "take 1 parts"
    assert page.get_by_role("button", name="Mute Drums").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Solo Bass").click()
    level = page.get_by_role("slider", name="Level of Bass")
    level.fill("-12.5")
    parts = page.evaluate("player.choices.get('take 1 parts').parts")
    assert parts == [
        {"sound": "output 1", "gain_db": 0, "mute": True, "solo": False},
        {"sound": "output 2", "gain_db": -12.5, "mute": False, "solo": True},
    ]
    assert level.get_attribute("aria-valuetext") == "−12.5 dB"
    page.get_by_role("link", name="WAV My song take 1 Bass").wait_for()


def test_lyrics_follow_the_player(page: Page, files: PanelServer) -> None:
    show_takes(page, files)
    ready(page, 3)
    page.keyboard.press("1")
    words = """[document.querySelector(".lyrics-line[aria-current]")?.innerText ?? null,
        [...document.querySelectorAll(".lyrics-word.sung")].map((each) => each.innerText)]"""
    states = []
    for time in (0.2, 0.6, 1.2, 1.7, 2.5):
        page.evaluate(f"player.seek({time})")
        states.append(page.evaluate(words))
    assert states == [
        [None, []], ["Over the river", ["Over"]], ["Over the river", ["river"]], [None, []], ["and away\nund fort", []],
    ]  # fmt: skip
    page.get_by_role("button", name="Over the river").click()
    assert page.evaluate("player.time") == pytest.approx(0.5)
    page.keyboard.press("2")
    assert not page.locator(".lyrics").is_visible()


@pytest.mark.usefixtures("files")
def test_space_plays_behind_a_click_on_the_waveform(page: Page) -> None:
    page.evaluate(
        """async (asset) => {
            const { SourceWave } = await import("/panel/source_wave.js");
            window.wave = new SourceWave(document.querySelector("main"));
            window.player = wave.player;
            await wave.show(asset);
            wave.waveform.setRegion({ start_s: 1, end_s: 2 });
        }""",
        SOURCE_ASSET,
    )
    repeat = page.get_by_label("Repeat the region")
    repeat.check()  # however long the test takes, the song does not end
    assert page.evaluate("player.loop.end_s") == 2
    surface = page.locator(".wave-surface")
    box = surface.bounding_box()
    assert box is not None
    surface.click(position={"x": box["width"] / 10, "y": 20})
    assert page.evaluate("player.time") == pytest.approx(0.4, abs=4 / box["width"])
    page.keyboard.press(" ")
    place = page.get_by_role("slider", name="Place that is heard").element_handle()
    wait_until(page, "(place) => player.isPlaying && Number(place.getAttribute('aria-valuenow')) > 0.45", place)
    repeat.focus()
    page.keyboard.press(" ")
    page.keyboard.press(" ")
    assert repeat.is_checked()
    assert page.evaluate("player.isPlaying") is True  # a box to tick has a use of its own for the space bar
    page.get_by_role("button", name="Pause the source").click()
    assert page.evaluate("player.isPlaying") is False


def test_long_takes_are_read_when_they_are_to_be_played(page: Page, files: PanelServer) -> None:
    # As an hour and a half each: more than the page reads of its own accord.
    long = {
        **JOB,
        "takes": [{**take, "outputs": [{**take["outputs"][0], "frames": 5400 * RATE}]} for take in JOB["takes"]],
    }
    show_takes(page, files, long)
    ready(page, 1)
    second = page.get_by_role("article", name="Take 2")
    assert "Is read when it is played" in second.inner_text()
    page.get_by_role("button", name="Play Take 2").click()
    wait_until(page, "player.chosen === 'take 2' && player.isPlaying")
    assert "Is read when" in page.get_by_role("article", name="Take 1").inner_text()


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_and_nothing_is_cut(
    page: Page, files: PanelServer, axe: str, width: int, scheme: Any
) -> None:
    page.add_init_script(axe)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for job, sounds in ((JOB, 4), (STEMS, 4)):
        show_takes(page, files, job)
        page.evaluate(
            """async (asset) => {
                const { SourceWave } = await import("/panel/source_wave.js");
                const place = document.createElement("section"), title = document.createElement("h1");
                title.textContent = "Panel";
                place.id = "source";
                place.setAttribute("aria-label", "Source");
                document.querySelector("main").prepend(title, place);
                window.wave = new SourceWave(place);
                await wave.show(asset, { bpm: 120, sections: [{ start_s: 0.5, end_s: 2, name: "Verse" }] });
                wave.waveform.setRegion({ start_s: 1, end_s: 2 });
            }""",
            SOURCE_ASSET,
        )
        ready(page, sounds)
        page.get_by_label("By bars").check()
        for summary in page.locator(".take summary").all():
            summary.click()
        page.evaluate("player.choose([...player.choices.keys()].at(-1)); player.seek(0.6)")
        found = page.evaluate(
            "axe.run().then(({ violations }) => violations.map((each) => [each.id, each.nodes.map((node) => node.html)]))"
        )
        assert found == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        small = page.evaluate("""[...document.querySelectorAll("main :is(button, a, summary, label:has([type=checkbox]))")]
            .filter((each) => each.offsetParent && Math.min(each.offsetWidth, each.offsetHeight) < 39.5)
            .map((each) => each.outerHTML)""")
        assert small == []
