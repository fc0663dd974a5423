"""Which engine a request gets while the line is up or down, and what is said where it is another one."""

from __future__ import annotations

import asyncio

import pytest

from acebridge.server.engine_choice import check_sampling, choose_engine, look_around
from acebridge.workers.remote import Line, RemoteState
from acestep_runtime.engines import registry
from acestep_runtime.engines.registry import Choice
from acestep_runtime.errors import InvalidValue, UnsupportedTask
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import Adapter, Sampling

COVER = TASKS["cover"]
NEURAL, DRAFT = registry.ENGINES["neural"], registry.ENGINES["draft"]
UP = RemoteState(
    is_up=True,
    tasks=frozenset({"cover"}),
    models=("acestep-v15-turbo", "own"),
    adapters=("jazz",),
    missing="No base model.",
)
DOWN = RemoteState(why="studio.local does not answer.", tasks=frozenset({"cover"}), missing="No base model.")


def line(state: RemoteState, *own: str) -> Line:
    found = Line("studio.local:50710")
    found.note_own(frozenset(own))
    found.note_state(state)
    return found


def test_without_a_line_nothing_changes() -> None:
    assert choose_engine("auto", COVER, "", None) == registry.resolve("auto", COVER)
    assert choose_engine("draft", COVER, "", line(UP)) == Choice(DRAFT)
    assert choose_engine("auto", COVER, "", line(UP)) == choose_engine("neural", COVER, "", line(UP)) == Choice(NEURAL)


def test_auto_says_why_it_is_draft() -> None:
    assert choose_engine("auto", COVER, "", line(DOWN)) == Choice(
        DRAFT, "studio.local does not answer. The draft engine made this instead."
    )
    assert choose_engine("auto", COVER, "", line(RemoteState())) == Choice(
        DRAFT, "studio.local has not answered yet. The draft engine made this instead."
    )
    assert choose_engine("auto", TASKS["lego"], "", line(UP)) == Choice(
        DRAFT, "The neural engine cannot do lego at studio.local: No base model. The draft engine made this instead."
    )


def test_an_explicit_neural_job_waits_unless_nobody_can_do_it() -> None:
    for state in (DOWN, RemoteState()):
        assert choose_engine("neural", COVER, "", line(state)) == Choice(NEURAL)
    assert choose_engine("neural", TASKS["lego"], "", line(DOWN, "lego")) == Choice(NEURAL)
    with pytest.raises(UnsupportedTask, match=r"^The neural engine cannot do lego at studio\.local: No base model\."):
        choose_engine("neural", TASKS["lego"], "", line(DOWN))


def test_names_are_those_of_where_the_job_goes() -> None:
    choice = Choice(NEURAL)
    for fields in ({"model": "turbo"}, {"model": "own"}, {"adapters": (Adapter("jazz"),)}):
        check_sampling(choice, COVER, Sampling(**fields), line(UP))  # type: ignore[arg-type]
    check_sampling(choice, COVER, Sampling(model="any"), line(RemoteState()))  # nobody has asked yet
    with pytest.raises(UnsupportedTask, match=r"no model xl at studio\.local, .* it has: acestep-v15-turbo, own\."):
        check_sampling(choice, COVER, Sampling(model="xl"), line(UP))
    with pytest.raises(UnsupportedTask, match=r"no adapter rock at studio\.local"):
        check_sampling(choice, COVER, Sampling(adapters=(Adapter("rock"),)), line(UP))
    with pytest.raises(InvalidValue, match=r"sampling\.sampler"):
        check_sampling(choice, COVER, Sampling(sampler="x"), line(UP))
    with pytest.raises(InvalidValue, match="The draft engine has no models"):
        check_sampling(Choice(DRAFT), COVER, Sampling(model="own"), line(UP))


@pytest.mark.parametrize(
    ("task", "model", "adapters", "asks"),
    [
        ("cover", "", (), False),
        ("cover", "turbo", ("jazz",), False),
        ("cover", "xl", (), True),
        ("cover", "", ("jazz", "rock"), True),
        ("lego", "", (), True),
    ],
)
def test_the_other_machine_is_asked_again_for_what_it_lacked(
    task: str, model: str, adapters: tuple[str, ...], asks: bool
) -> None:
    now = RemoteState(is_up=True, tasks=frozenset({"cover", "lego"}), models=("xl",), adapters=("jazz", "rock"))
    found = line(UP)
    found.ask_again = lambda: found.note_state(now)
    asyncio.run(look_around("auto", TASKS[task], model, adapters, found))
    assert found.state == (now if asks else UP)
