"""The waveform of the panel in a browser: zoom, regions with the mouse, by keys, by bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import CHROMIUM
from tests.support.panel_page import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.host, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]

RATE = 44_100


def show_wave(page: Page, *, marks: str = "{}", options: str = "{}") -> None:
    page.evaluate(
        f"""async ([rate, seconds]) => {{
            const {{ Waveform }} = await import("/panel/waveform.js"), samples = new Float32Array(rate * seconds);
            for (let i = 0; i < samples.length; i++) {{ samples[i] = Math.sin(i / 50) * (i / samples.length); }}
            window.regions = []; window.seeks = [];
            window.wave = new Waveform(document.querySelector("main"), {{
                onRegion: (region) => regions.push(region),
                onSeek: (time_s) => {{ seeks.push(time_s); wave.setTime(time_s); }}, ...{options} }});
            wave.show({{ rate, channels: [samples] }}, {marks});
            await wave.measurement.last;
        }}""",
        [RATE, 8],
    )


def surface(page: Page) -> dict[str, float]:
    box = page.locator(".wave-surface").bounding_box()
    assert box is not None
    return dict(box)


def drag(page: Page, start: float, end: float) -> None:
    """Drag with the mouse from one share of the waveform's width to another."""
    box = surface(page)
    y = box["y"] + box["height"] / 3
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + (start + end) / 2 * box["width"], y, steps=3)
    page.mouse.move(box["x"] + end * box["width"], y, steps=3)
    page.mouse.up()


def region(page: Page) -> Any:
    return page.evaluate("wave.getRegion()")


@pytest.mark.parametrize(("start", "end"), [(0.25, 0.75), (0.9, 0.1), (0.0, 1.0)])
def test_a_drag_marks_the_frames_under_the_mouse(page: Page, start: float, end: float) -> None:
    show_wave(page)
    drag(page, start, end)
    pixel = 8 * RATE / surface(page)["width"]
    found = page.evaluate("regions.at(-1)")
    assert found == region(page)
    assert found["start_frame"] == pytest.approx(8 * RATE * min(start, end), abs=pixel)
    assert found["end_frame"] == pytest.approx(8 * RATE * max(start, end), abs=pixel)
    assert (found["start_s"], found["end_s"]) == (found["start_frame"] / RATE, found["end_frame"] / RATE)


def test_zoom_makes_a_pixel_smaller_and_edges_are_moved(page: Page) -> None:
    show_wave(page)
    for _ in range(8):
        page.get_by_role("button", name="Zoom in").click()
    view = page.evaluate("wave.view")
    drag(page, 0.25, 0.5)
    pixel = (view["end"] - view["start"]) / surface(page)["width"]
    assert pixel < 20
    first = region(page)
    assert first["start_frame"] == pytest.approx(view["start"] + 0.25 * (view["end"] - view["start"]), abs=pixel)
    handle = page.get_by_role("slider", name="End of the region").bounding_box()
    assert handle is not None
    box = surface(page)
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], handle["y"] + 10, steps=4)
    page.mouse.up()
    second = region(page)
    assert second["start_frame"] == first["start_frame"]
    assert second["end_frame"] == pytest.approx(view["start"] + 0.8 * (view["end"] - view["start"]), abs=pixel)
    page.get_by_role("button", name="Whole song").click()
    assert page.evaluate("wave.view") == {"start": 0, "end": 8 * RATE}


def test_a_click_is_a_place_and_no_region(page: Page) -> None:
    show_wave(page)
    box = surface(page)
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 20)
    assert page.evaluate("seeks") == [pytest.approx(4, abs=8 / box["width"])]
    assert region(page) is None
    assert page.evaluate("regions") == []


def test_the_wheel_zooms_with_the_focus_and_scrolls_without(page: Page) -> None:
    show_wave(page)
    box = surface(page)
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 20)
    page.evaluate("window.wheels = 0; addEventListener('wheel', () => { wheels += 1; })")
    page.mouse.wheel(0, -300)
    wait_until(page, "wheels === 1")
    assert page.evaluate("wave.view") == {"start": 0, "end": 8 * RATE}
    page.get_by_role("slider", name="Place that is heard").focus()
    page.mouse.wheel(0, -300)
    wait_until(page, f"wave.view.end - wave.view.start < {4 * RATE}")
    view = page.evaluate("wave.view")
    assert view["start"] < 2 * RATE < view["end"]


def test_regions_by_bars(page: Page) -> None:
    show_wave(page, marks="{ bpm: 120, timesignature: 4, offset_s: 0.5 }")
    page.get_by_label("By bars").check()
    drag(page, 0.3, 0.6)  # 2.4 to 4.8 s; bars begin at 0.5, 2.5, 4.5 s
    found = region(page)
    assert (found["start_frame"], found["end_frame"]) == (round(2.5 * RATE), round(4.5 * RATE))
    assert (page.get_by_label("From bar").input_value(), page.get_by_label("To bar").input_value()) == ("2", "2")
    page.get_by_label("To bar").fill("3")
    page.get_by_label("To bar").blur()
    assert region(page)["end_s"] == 6.5
    page.get_by_label("Tempo, bpm").fill("240")
    page.get_by_label("Tempo, bpm").blur()
    page.get_by_label("From bar").fill("1")
    page.get_by_label("From bar").blur()
    assert region(page)["start_s"] == 0.5
    page.get_by_role("slider", name="Start of the region").press("ArrowRight")
    assert region(page)["start_s"] == 1.5


def test_beats_that_were_measured_are_the_bars(page: Page) -> None:
    found = page.evaluate("""async () => {
        const { Bars } = await import("/panel/bars.js"), bars = new Bars({ bpm: 60, beats: 2, downbeats: [1, 3.5, 5] });
        return [[-1, 0, 1, 2, 3, 4].map((bar) => bars.start(bar)), [0.9, 1, 3.4, 3.5, 6.9, 7].map((time) => bars.at(time)),
                [1.9, 2.3, 6.1].map((time) => bars.snap(time))];
    }""")
    assert found == [[-3, -1, 1, 3.5, 5, 7], [0, 1, 1, 2, 3, 4], [1, 3.5, 7]]


def test_keys_do_all_that_the_mouse_does(page: Page) -> None:
    show_wave(page)
    place = page.get_by_role("slider", name="Place that is heard")
    place.focus()
    for key in ("PageUp", "ArrowLeft", "Shift+ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate("seeks.at(-1)") == pytest.approx(4.901)
    end, start = (
        page.get_by_role("slider", name="End of the region"),
        page.get_by_role("slider", name="Start of the region"),
    )
    end.press("ArrowRight")
    start.press("Home")
    assert region(page)["start_frame"] == 0
    assert region(page)["end_s"] == pytest.approx(5.001, abs=1 / RATE)
    assert end.get_attribute("aria-valuetext") == "0:05.001"
    assert float(end.get_attribute("aria-valuenow") or "") == pytest.approx(5.001)
    end.press("+")
    assert page.evaluate("wave.view.end - wave.view.start") < 8 * RATE
    end.press("Escape")
    assert region(page) is None
    page.get_by_label("Start, s").fill("1.25")
    page.get_by_label("End, s").fill("2.5")
    page.get_by_label("End, s").blur()
    assert (region(page)["start_s"], region(page)["end_s"]) == (1.25, 2.5)
    page.get_by_role("button", name="No region").click()
    assert region(page) is None


def test_a_region_reaches_beyond_the_song_where_that_is_allowed(page: Page) -> None:
    show_wave(page, options="{ min_s: 10, max_s: 20 }")
    page.evaluate("wave.setRegion({ start_s: 8, end_s: 99 })")
    assert (region(page)["start_s"], region(page)["end_s"]) == (8, 28)
    assert page.evaluate("wave.view.end") == 28 * RATE
    page.evaluate("wave.setRegion({ start_s: -30, end_s: 1 })")
    assert region(page)["start_s"] == -10
    page.evaluate("wave.setRegion({ start_s: 2, end_s: 4 })")
    assert page.evaluate("wave.view") == {"start": 0, "end": 8 * RATE}
    page.evaluate("wave.setRegion({ start_s: -10, end_s: 1 })")
    drag(page, 0.8, 0.9)
    assert region(page)["start_s"] > 0
    assert page.evaluate("wave.view") == {"start": 0, "end": 8 * RATE}


def test_bars_without_a_tempo_say_what_they_need(page: Page) -> None:
    show_wave(page)
    needs_tempo = page.get_by_text("Bars need a tempo")
    assert not needs_tempo.is_visible()
    page.get_by_label("By bars").check()
    assert needs_tempo.is_visible()
    page.get_by_label("Tempo, bpm").fill("120")
    page.get_by_label("Tempo, bpm").blur()
    assert not needs_tempo.is_visible()
