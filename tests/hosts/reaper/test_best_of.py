"""Best of N: several takes are made, the best are kept, and what they were chosen by is said."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support import schemas
from tests.support.lua_modules import Leaves
from tests.support.paths import REAPER_SCRIPTS
from tests.support.reaper_answers import answer
from tests.support.reaper_scene import Scene
from tests.support.reaper_studio import RATE_HZ, Studio

CAPTION = "Best of (2 to 64; keeps the best)"
LAYER_CAPTION = "Best of (1 to 64; empty: up to 3 by fit)"
ACTIONS = [
    "Repaint time selection", "Cover", "Add layer", "Complete", "Generate here", "Compose from a description", "Extend",
    "Prepend", "Smooth the join of two items",
]  # fmt: skip


def facts(take: Any) -> dict[str, Any]:
    return json.loads(take.ext["P_EXT:AceBridge"])


def test_every_form_that_makes_music_has_it() -> None:
    """Those are the forms that ask for a seed, but for that of a song, which chooses among the takes of each section itself."""
    text = (REAPER_SCRIPTS / "lib" / "actions.lua").read_text("utf-8")
    assert (
        len(re.findall("TAKES, (LAYER_)?BEST, SEED", text))
        == len(re.findall(r"\bSEED\b[ ,}\n]", text)) - 2
        == len(ACTIONS)
    )
    assert text.count("TAKES, LAYER_BEST, SEED") == 2
    assert text.count("TAKES, SEED") == 1


@pytest.mark.parametrize(
    ("form", "takes", "tries"),
    [({CAPTION: "5"}, 1, 5), ({CAPTION: "5", "Takes": "2"}, 2, 5), ({CAPTION: "2", "Takes": "3"}, 3, 3), ({}, 1, None)],
)
def test_what_is_asked_for(scene: Scene, form: dict[str, str], takes: int, tries: int | None) -> None:
    scene.select()
    request = scene.run("Repaint time selection", **form)
    output = request["parts"][0]["fields"]["output"]
    assert (output["takes"], output.get("tries")) == (takes, tries)


def test_the_usual_number_of_takes_is_not_that_of_the_best(scene: Scene) -> None:
    scene.r.ext["AceBridge", "takes"] = "4"
    scene.select()
    output = scene.run("Repaint time selection", **{CAPTION: "6"})["parts"][0]["fields"]["output"]
    assert (output["takes"], output["tries"]) == (1, 6)


@pytest.mark.slow
def test_the_best_is_kept_and_its_rank_is_remembered(studio: Studio) -> None:
    start_s = 176_401 / RATE_HZ
    studio.project.time_selection = (start_s, start_s + 2)
    studio.item.selected = 1
    studio.run("Repaint time selection", **{CAPTION: "3", "Takes": "2"})
    assert studio.reaper.messages == []
    assert len(studio.item.takes) == 3
    assert studio.item["I_CURTAKE"] == 1, "the best of the new ones"
    result = json.loads((studio.jobs()[0] / "result.json").read_text("utf-8"))
    schemas.check("result", result)
    ranking = result["parts"][0]["ranking"]
    assert [row["chosen"] for row in ranking] == [True, True, False]
    scores = [row["score"] for row in ranking]
    assert scores == sorted(scores, reverse=True)
    kept = [facts(take) for take in studio.item.takes[1:]]
    assert [(each["rank"], each["best_of"], each["ranked_by"]) for each in kept] == [
        (1, 3, pytest.approx(scores[0])), (2, 3, pytest.approx(scores[1])),
    ]  # fmt: skip
    assert [each["seed"] for each in kept] == [row["seed"] for row in ranking[:2]]
    assert kept[0]["score"]["quality"] == pytest.approx(scores[0])
    assert len(list((studio.reaper.folder / "Song 1" / "Media").glob("*.wav"))) == 2, "the others leave no file"


def say(part: dict[str, Any]) -> str | None:
    """What `scores.lua` says of a part; its JSON goes through the scripts' own reader."""
    leaves = Leaves()
    said = leaves["shared/scores"].of_choice(leaves["shared/json"].decode(json.dumps(part).encode()))
    return None if said is None else said.decode()


@pytest.mark.parametrize(
    ("ranking", "says"),
    [
        ([], None),
        ([(True, 0.82), (False, 0.77), (False, 0.31)], "best of 3: score 0.82; the others 0.31 to 0.77"),
        ([(True, 0.82), (True, 0.8), (False, 0.77)], "best of 3: score 0.80 to 0.82; the others 0.77"),
        ([(True, 0.5), (False, None)], "best of 2: score 0.50"),
        ([(True, None), (False, None)], "best of 2: no take could be scored"),
    ],
)
def test_a_choice_in_a_sentence(ranking: list[tuple[bool, float | None]], says: str | None) -> None:
    rows = [{"chosen": chosen, **({} if score is None else {"score": score})} for chosen, score in ranking]
    assert say({"ranking": rows}) == says


def test_a_choice_says_what_is_wrong_with_the_others() -> None:
    rows: list[dict[str, Any]] = [
        {"chosen": True, "score": 0.9, "note": "It starts 0.5 s after the source."},
        {"chosen": False, "score": 0.3, "note": "It is 120 ms late."}, {"chosen": False, "score": 0.2},
        {"chosen": False, "score": 0.2, "note": "It is 120 ms late."}, {"chosen": False, "score": 0.0, "note": "It is silent."},
    ]  # fmt: skip
    says = "best of 5: score 0.90; the others 0.00 to 0.30 (It is 120 ms late; It is silent)"
    assert say({"ranking": rows}) == says


@pytest.mark.parametrize(
    ("score", "says"),
    [
        ({}, "no score"), ({"quality": 0.82}, "quality 0.82"), ({"fit": 0.416}, "fit 0.42"),
        ({"quality": 0.82, "lyrics_alignment": 0.71, "fit": 0.64}, "quality 0.82, lyrics 0.71, fit 0.64"),
    ],
)  # fmt: skip
def test_the_scores_of_a_take_in_words(score: dict[str, float], says: str) -> None:
    leaves = Leaves()
    assert leaves["shared/scores"].of_take(leaves["shared/json"].decode(json.dumps(score).encode())).decode() == says


@pytest.mark.parametrize(
    ("score", "warnings", "says"),
    [
        (None, [], []), ({"quality": 0.5}, [], []), ({"fit": 0.9}, [], ["fit 0.90"]),
        ({"fit": 0.3, "notes": ["It is 120 ms late.", "B."]}, [], ["fit 0.30: It is 120 ms late."]),
        ({"fit": 0.3, "notes": ["It is late."]}, ["This fits badly. It is late. Ask again."], ["fit 0.30"]),
    ],
)  # fmt: skip
def test_the_fit_of_a_take_in_words(score: dict[str, Any] | None, warnings: list[str], says: list[str]) -> None:
    leaves = Leaves()
    values = {"part": {"takes": [{"metadata": {} if score is None else {"score": score}}]}, "warnings": warnings}
    read = leaves["shared/json"].decode(json.dumps(values).encode())
    said = leaves["shared/scores"].of_fit(read[b"part"], read[b"warnings"])
    assert [text.decode() for text in said.values()] == says


def test_the_row_of_a_layer_says_how_it_fits(scene: Scene) -> None:
    scene.r.ext["AceBridge", "window"] = "yes"
    scene.select()
    folder = scene.send("Add layer")
    output = json.loads((folder / "request.json").read_text("utf-8"))["parts"][0]["fields"]["output"]
    assert (output["takes"], output.get("tries"), output.get("seeds")) == (1, None, None)
    answer(folder)
    result = json.loads((folder / "result.json").read_text("utf-8"))
    (part,) = result["parts"]
    part["ranking"] = [
        {"take": 1, "seed": 7, "score": 0.41, "chosen": True, "note": "It is 40 ms late."},
        {"take": 2, "seed": 8, "score": 0.0, "chosen": False, "note": "It is silent."},
    ]
    part["takes"][0]["metadata"]["score"] = {"fit": 0.41, "notes": ["It is 40 ms late."]}
    (folder / "result.json").write_text(json.dumps(result), "utf-8")
    wanted = "best of 2: score 0.41; the others 0.00 (It is silent); fit 0.41: It is 40 ms late"
    scene.r.until(lambda: wanted in " ".join(text.text for text in scene.r.window().texts))
    scene.r.close()


def test_one_layer_can_be_asked_for(scene: Scene) -> None:
    scene.select()
    output = scene.run("Add layer", **{LAYER_CAPTION: "1"})["parts"][0]["fields"]["output"]
    assert (output["takes"], output["tries"]) == (1, 1)


def test_the_row_of_the_job_says_it(scene: Scene) -> None:
    scene.r.ext["AceBridge", "window"] = "yes"
    scene.select()
    folder = scene.send("Repaint time selection", **{CAPTION: "3"})
    answer(folder)
    result = json.loads((folder / "result.json").read_text("utf-8"))
    result["parts"][0]["ranking"] = [
        {"take": 1, "seed": 7, "score": 0.9, "chosen": True}, {"take": 2, "seed": 8, "score": 0.4, "chosen": False},
    ]  # fmt: skip
    (folder / "result.json").write_text(json.dumps(result), "utf-8")
    wanted = "best of 2: score 0.90; the others 0.40"  # the window may break it into lines
    scene.r.until(lambda: wanted in " ".join(text.text for text in scene.r.window().texts))
    scene.r.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("action", "form"),
    [
        ("Cover", {}), ("Add layer", {}), ("Complete", {}), ("Generate here", {"Seconds": "4"}),
        ("Compose from a description", {"Description": "a sad waltz", "Seconds": "4"}), ("Extend", {"Bars": "1"}),
    ],
)  # fmt: skip
def test_each_task_chooses(studio: Studio, action: str, form: dict[str, str]) -> None:
    """The engine can score what each of them makes."""
    studio.item.selected = 1
    studio.project.settle()
    caption = LAYER_CAPTION if action in ("Add layer", "Complete") else CAPTION
    studio.run(action, **{caption: "2", **form})
    assert studio.reaper.messages == []
    ranking = json.loads((studio.jobs()[0] / "result.json").read_text("utf-8"))["parts"][-1]["ranking"]
    assert [row["chosen"] for row in ranking] == [True, False]
    assert all(0 <= row["score"] <= 1 for row in ranking)
