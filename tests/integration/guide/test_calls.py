"""What `generate` returns, and how batches follow each other. The fake engine's tones tell what came from where."""

import concurrent.futures
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import acestep_runtime
from acestep_runtime import analyze_audio, generate
from acestep_runtime.engines.fake import tone
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import PATIENCE_S, until
from tests.support.signals import noise, sine

FAKE = {"engine": "fake"}


def test_a_result_is_its_first_take() -> None:
    result = generate(caption="pop", duration=1.5, batch_size=2, seed=[5, 9], **FAKE)
    assert [take.seed for take in result] == [take["seed"] for take in result["batch"]] == [5, 9]
    assert (len(result), result.seconds, len(result.takes)) == (1, 1.5, 2)
    assert result["audio"] is result.takes[0].audio
    np.testing.assert_array_equal(result["audio"].samples(), tone(5, 0, 0, 72_000))
    np.testing.assert_array_equal(result.takes[1]["audio"].samples(), tone(9, 0, 0, 72_000))
    assert (result["bpm"], result.get("nothing", 3), "bpm" in result, "nothing" in result) == (120.0, 3, True, False)
    assert result.engine == "fake"
    assert "seed 5" in repr(result)


def test_a_missing_value_explains_how_to_request_it() -> None:
    result = generate(duration=0.5, **FAKE)
    with pytest.raises(KeyError, match="auto_lrc=True"):
        result["lrc"]
    with pytest.raises(KeyError, match="gave no score"):
        generate(duration=0.5, auto_score=True, **FAKE)["lyrics_alignment_score"]
    with pytest.raises(KeyError, match=r"no colour\. There is bpm"):
        result["colour"]


def test_results_takes_and_audio_are_sources() -> None:
    song = generate(duration=1, seed=1, **FAKE)
    for source in (song, song.takes[0], song["audio"], str(song["audio"].path), song["audio"].samples()):
        repainted = generate("repaint", src_audio=source, repainting_start=0.4, repainting_end=0.6, seed=2, **FAKE)
        np.testing.assert_array_equal(repainted["audio"].samples()[:18_000], song["audio"].samples()[:18_000])
        assert repainted.seconds == 1


def test_lego_audio_includes_the_source() -> None:
    source = noise(1.0)
    result = generate("lego", src_audio=source, track_name="bass", seed=3, **FAKE)
    assert list(result.stems) == list(result["stems"]) == ["bass"]
    layer = result.stems["bass"].samples()
    np.testing.assert_array_equal(layer[:1000], tone(3, 0, 0, 1000))
    np.testing.assert_array_equal(result["audio"].samples(), source + layer)


def test_extract_returns_the_requested_stems_and_the_remainder() -> None:
    one = generate("extract", src_audio=noise(0.5), track_name="drums", engine="draft")
    assert list(one.stems) == ["drums", "other"]
    np.testing.assert_array_equal(one["audio"].samples(), one.stems["drums"].samples())
    two = generate("extract", src_audio=noise(0.5), track_names=["drums", "bass"], engine="draft")
    np.testing.assert_array_equal(two["audio"].samples(), two.stems["drums"].samples() + two.stems["bass"].samples())


def test_errors_speak_of_the_arguments() -> None:
    with pytest.raises(InvalidValue, match=r"repainting_start is 9\.0") as caught:
        generate("repaint", src_audio=sine(440, 1.0), repainting_start=9, **FAKE)
    assert caught.value.field == "repainting_start"
    with pytest.raises(InvalidValue, match="batch_size is 9"):
        generate(batch_size=9, **FAKE)
    with pytest.raises(InvalidValue, match="one of track_name and track_names"):
        generate("lego", src_audio=sine(1, 1.0), track_name="bass", track_names=["drums"])
    with pytest.raises(InvalidValue, match="mode is 'easy'; allowed: custom, simple"):
        generate(mode="easy")
    with pytest.raises(InvalidValue, match="Say what the song should be"):
        generate(mode="simple")
    with pytest.raises(InvalidValue, match='Set mode="simple"'):
        generate(song_description="a song")


def test_arguments_without_effect_are_noted() -> None:
    assert (
        "no use for cover" in generate("cover", src_audio=np.zeros((48_000, 2)), thinking=True, engine="fake").notes[0]
    )
    result = generate(duration=0.5, thinking=True, offload_to_cpu=True, lm_batch_chunk_size=4, engine="draft")
    assert [note.split()[-1] for note in result.notes[:2]] == ["lm_batch_chunk_size.", "offload_to_cpu."]
    assert result.notes[2].startswith("thinking on had no effect: the draft engine neither plans songs")
    assert generate(duration=0.5, engine="draft").notes == ()


def test_progress_is_reported() -> None:
    message: list[tuple[str, float]] = []
    generate(duration=0.5, on_progress=lambda *what: message.append(what), **FAKE)
    assert [fraction for _, fraction in message] == sorted(fraction for _, fraction in message)
    assert message[0][0] == "sampling"
    assert message[-1] == ("done", 1.0)


def test_the_next_batch_counts_on_without_auto_gen() -> None:
    first = generate(duration=0.5, batch_size=2, seed=4, **FAKE)
    second = first.next_batch()
    third = second.next_batch()
    assert [[t.seed for t in r] for r in (first, second, third)] == [[4, 5], [6, 7], [8, 9]]


def _prefetch_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "next-batch"]


def test_a_take_is_varied_and_its_variation_again() -> None:
    first = generate(caption="jazz", duration=1, seed=1000, batch_size=2, **FAKE)
    second = first.takes[1]
    varied = second.vary(0.5, batch_size=2)
    assert [take.seed for take in varied] == [1001, 1001]
    steps = [take["variations"] for take in varied]
    assert [len(each) for each in steps] == [1, 1]
    assert steps[0] != steps[1]
    asked = generate(
        caption="jazz", duration=1, seed=1001, variation=0.5, variation_seed=[step[0]["seed"] for step in steps], **FAKE
    )
    assert [
        np.array_equal(one.audio.samples(), two.audio.samples()) for one, two in zip(asked, varied, strict=True)
    ] == [True] * 2
    further = varied.vary()
    assert further["variations"] == [*steps[0], {"amount": 0.3, "seed": further["variations"][1]["seed"]}]
    following = further.next_batch()
    assert following["variations"][0] == steps[0][0]
    assert following["variations"][1]["seed"] == further["variations"][1]["seed"] + 1
    assert np.array_equal(second.vary(0).audio.samples(), second.audio.samples())
    with pytest.raises(InvalidValue, match=r"variation is 2\.0; allowed: 0 to 1"):
        second.vary(2)


def test_the_next_batch_is_prefetched(monkeypatch: pytest.MonkeyPatch) -> None:
    first = generate(duration=0.5, seed=4, auto_gen=True, **FAKE)
    until(lambda: not _prefetch_threads(), "the batch made ahead")
    # From here on every step would take ten minutes: what comes now was there before.
    monkeypatch.setenv("ACEBRIDGE_FAKE_STEP_MS", "600000")
    second = first.next_batch()
    assert second.seed == 5
    assert len(_prefetch_threads()) == 1
    del second
    until(lambda: not _prefetch_threads(), "dropping what nobody can ask for")


def test_another_request_drops_the_prefetched_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    first = generate(duration=0.5, caption="a", auto_gen=True, **FAKE)
    until(lambda: not _prefetch_threads())
    monkeypatch.setenv("ACEBRIDGE_FAKE_STEP_MS", "600000")
    second = first.next_batch()
    assert len(_prefetch_threads()) == 1
    monkeypatch.setenv("ACEBRIDGE_FAKE_STEP_MS", "0")
    other = generate(duration=0.5, caption="b", auto_gen=True, **FAKE)
    until(lambda: not _prefetch_threads())
    assert other.next_batch().seed == other.seed + 1
    assert second.seed == first.seed + 1


def test_a_dropped_batch_is_generated_again_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_FAKE_STEP_MS", "100")
    first = generate(duration=0.5, seed=7, auto_gen=True, **FAKE)
    generate(duration=0.5, seed=100, auto_gen=True, **FAKE)
    assert first.next_batch().seed == 8


def test_a_failed_batch_is_generated_again() -> None:
    fails = [RuntimeError("once")]

    def report(_stage: str, _fraction: float) -> None:
        if len(message) == 1 and fails:
            raise fails.pop()

    message: list[int] = []
    first = generate(duration=0.5, seed=7, on_progress=report, **FAKE)
    message.append(1)
    with pytest.raises(RuntimeError, match="once"):
        first.next_batch()
    assert first.next_batch().seed == 8


def test_seeds_of_a_chain_never_repeat() -> None:
    first = generate(duration=0.2, seed=[3, 2], **FAKE)
    second = first.next_batch()
    assert [t.seed for r in (first, second, second.next_batch()) for t in r] == [3, 2, 4, 5, 6, 7]
    assert [t.seed for t in generate(duration=0.2, seed=[2, 1], batch_size=3, **FAKE)] == [2, 1, 3]


def test_work_in_front_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another call works, the batch made ahead stands still at its next step."""
    monkeypatch.setenv("ACEBRIDGE_FAKE_GATES", str(tmp_path))
    behind, front = tmp_path / "5.steps", tmp_path / "8.steps"
    behind.touch()
    front.touch()
    ahead = generate(duration=0.5, seed=4, auto_gen=True, **FAKE)
    looks = 0

    def look(_stage: str, fraction: float) -> None:
        nonlocal looks
        if fraction == 0.5:  # told again and again while it is held
            behind.unlink(missing_ok=True)
            looks += 1
            if looks == 50:
                assert _prefetch_threads(), "it went on beside another call"
                front.unlink()

    generate(duration=0.5, seed=8, on_progress=look, **FAKE)
    assert looks >= 50
    assert ahead.next_batch().seed == 5


def test_a_batch_in_the_making_does_not_hold_up_the_end() -> None:
    code = "from acestep_runtime import generate; generate(duration=20, engine='draft', auto_gen=True)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_sentence_may_come_with_seeds_of_any_kind() -> None:
    songs = [
        generate(mode="simple", song_description="a sad song", seed=seed, duration=0.5, engine="draft")
        for seed in (3, [3], np.int64(3), np.array([3]), range(3, 4))
    ]
    assert len({song["audio"].samples().tobytes() for song in songs}) == 1


def test_calls_from_many_threads() -> None:
    tasks = [{"caption": "x", "duration": 0.5, "seed": n} for n in range(12)]
    with concurrent.futures.ThreadPoolExecutor() as executor:
        results = list(executor.map(lambda t: generate(**t, **FAKE), tasks))
    for n, result in enumerate(results):
        np.testing.assert_array_equal(result["audio"].samples(), tone(n, 0, 0, 24_000))


def test_analysis_keeps_given_values() -> None:
    facts = analyze_audio(noise(2.0), bpm=77, keyscale="Am", timesignature="3/4", engine="draft")
    assert (facts["bpm"], facts["keyscale"], facts["timesignature"]) == (77, "A minor", 3)


def test_findings_that_are_missing_are_none() -> None:
    facts = analyze_audio(noise(2.0), engine="draft")
    assert (facts["bpm"], facts["keyscale"], facts["timesignature"]) == (None, None, None)
    assert set(facts["certainty"].values()) == {"not heard"}
    again = generate(caption="x", duration=0.5, seed=1, bpm=facts["bpm"], keyscale=facts["keyscale"], engine="draft")
    assert again["bpm"] > 0


def test_the_api_is_found_in_the_package_and_nothing_is_imported_before() -> None:
    assert set(acestep_runtime.__all__) <= set(dir(acestep_runtime)) | set(vars(acestep_runtime.guide))
    with pytest.raises(AttributeError, match="no attribute 'compose'"):
        acestep_runtime.compose  # noqa: B018
    code = "import sys, acestep_runtime; assert 'numpy' not in sys.modules; from acestep_runtime import generate"
    subprocess.run([sys.executable, "-c", code], check=True)
