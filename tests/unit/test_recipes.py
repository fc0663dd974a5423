import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime import recipes
from acestep_runtime.audio import wav
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.errors import InvalidValue
from acestep_runtime.recipes import Parent, Recipe, describe, parse_recipe, recipe_of
from acestep_runtime.tasks import Cover, Repaint, TextToMusic, build_task, to_fields
from acestep_runtime.tasks.base import Output, Source
from acestep_runtime.values import Morph, Music, Sampling
from tests.support.signals import noise

HASH = "ab" * 32


def recipe(**more: object) -> Recipe:
    values: dict = {"task": "text2music", "seed": 7, "engine": "draft", "role": "mix", "made_by": "1.2.3", **more}
    return Recipe(**values)


@given(caption=st.text(max_size=50), lyrics=st.text(max_size=50), seed=st.integers(0, 2**32 - 1))
def test_a_recipe_comes_back_from_its_text(caption: str, lyrics: str, seed: int) -> None:
    made = recipe(seed=seed, fields={"music": {"caption": caption, "lyrics": lyrics}})
    text = made.to_json()
    assert text.isascii()
    assert parse_recipe(text, "a.wav") == made


def test_the_task_of_a_recipe_is_that_of_one_take() -> None:
    source = Source("/home/me/secret/song.wav", start_s=1.5, name="song.wav", asset_id=HASH)
    output = Output(48_000, encoding="pcm24", takes=3, seeds=(4, 5, 6), auto_lrc=True)
    task = Repaint(source, Music("funk"), start_s=2.0, end_s=3.0, output=output)
    made = recipe_of(task, "draft", "model-x")
    assert made.parents == (Parent("source", HASH, "song.wav", 1.5),)
    assert "secret" not in made.to_json()
    again = parse_recipe(made.to_json(), "a.wav").to_task()
    assert to_fields(again) == {
        "source": {"asset_id": HASH, "name": "song.wav", "start_s": 1.5}, "music": {"caption": "funk"},
        "start_s": 2.0, "end_s": 3.0,
        "output": {"sample_rate": 48_000, "encoding": "pcm24", "seeds": [0], "auto_lrc": True},
    }  # fmt: skip


def test_a_recipe_says_how_to_sample_and_morph() -> None:
    sampling = Sampling(
        sampler="ab3", dcw="high", dcw_strength=0.1, dcw_high_strength=0.2, guidance_method="adg_w_norm"
    )
    morph = Morph("words", lyrics="la la", start=0.5, draws=2)
    task = Cover(Source("song.wav", asset_id=HASH), Music("funk", "lo lo"), sampling=sampling, morph=morph)
    again = parse_recipe(recipe_of(task, "neural", "acestep-v15-base").to_json(), "a.wav").to_task()
    assert isinstance(again, Cover)
    assert (again.sampling, again.morph) == (sampling, morph)


def test_a_file_without_an_id_is_hashed_and_named_without_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    wav.write(path, noise(0.1), 48_000)
    for name in ("", str(path), r"C:\Users\me\song.wav"):
        (parent,) = recipe_of(Cover(Source(str(path), name=name)), "draft").parents
        assert parent == Parent("source", hashlib.sha256(path.read_bytes()).hexdigest(), "song.wav")


def test_takes_and_seeds_vary() -> None:
    made = recipe(fields={"output": {"channels": 1}})
    assert made.task_fields([7]) == {"output": {"channels": 1, "seeds": [7]}}
    assert made.task_fields([1, 2])["output"] == {"channels": 1, "seeds": [1, 2], "takes": 2}
    assert made.task_fields([1], 4)["output"] == {"channels": 1, "seeds": [1], "takes": 4}


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": 2}, {"task": "dance"}, {"seed": "x"}, {"seed": True}, {"seed": -1}, {"fields": []},
        {"fields": {"volume": 3}}, {"fields": {"duration_s": 1e9}}, {"fields": {"source": {"path": "/etc/passwd"}}},
        {"fields": {"source": {"sha256": HASH, "start_s": "a"}}}, {"fields": {"duration_s": 10**400}},
        {"fields": {"source": {"sha256": HASH, "start_s": 10**400}}, "task": "cover"},
    ],
)  # fmt: skip
def test_recipes_that_make_nothing_are_refused(change: dict) -> None:
    values = {**json.loads(recipe().to_json()), **change}
    with pytest.raises(InvalidValue, match=r"^The recipe in a\.wav cannot be used: "):
        parse_recipe(json.dumps(values), "a.wav")


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, '{"recipe":1}', '{"recipe":NaN}'])
def test_what_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="cannot be used"):
        parse_recipe(text, "a.wav")


def test_a_parent_names_no_folder() -> None:
    values = json.loads(recipe(task="cover").to_json())
    values["fields"] = {"source": {"sha256": HASH, "name": "../../etc/x.wav", "path": "/etc/passwd"}}
    made = parse_recipe(json.dumps(values), "a.wav")
    assert made.parents == (Parent("source", HASH, "x.wav"),)


def test_a_recipe_in_a_sentence() -> None:
    assert describe(recipe()) == "text2music, draft engine, seed 7"
    source = Parent("source", HASH, "a.wav")
    region = recipe(task="repaint", fields={"start_s": 2.0, "end_s": 3.5}, parents=(source,))
    assert describe(region) == "repaint 2 to 3.5 s of a.wav, draft engine, seed 7"
    rest = recipe(task="lego", fields={"start_s": 2.0, "tracks": ["bass"]}, parents=(source,), role="bass")
    assert describe(rest) == "lego 2 to the end of a.wav (bass), draft engine, seed 7"


def test_the_variable_is_that_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    from acebridge.config import VARIABLES

    assert VARIABLES["recipes"] == recipes.VARIABLE
    assert recipes.wants_recipes()
    monkeypatch.setenv(recipes.VARIABLE, "off")
    assert not recipes.wants_recipes()
    monkeypatch.setenv(recipes.VARIABLE, "perhaps")
    with pytest.raises(InvalidValue, match="true or false"):
        recipes.wants_recipes()


def test_every_default_task_has_a_recipe_that_builds_it() -> None:
    task = TextToMusic(Music("rock", "[Verse]\nla"), duration_s=3.0, codes=(1, 2))
    made = recipe_of(task, DraftEngine.name)
    fields = to_fields(made.to_task())
    assert build_task("text2music", fields) == made.to_task()
    assert fields["codes"] == [1, 2]
