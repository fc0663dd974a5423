"""Making a song: section after section, each from what is chosen before it. It goes on wherever it was interrupted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from acestep_runtime.audio.tags.marks import Marks, chunks_of
from acestep_runtime.audio.tags.riff import pack
from acestep_runtime.engines.metadata import metadata_to_json
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.guide.request import Order
from acestep_runtime.guide.runners import Batch
from acestep_runtime.guide.sound import Audio
from acestep_runtime.lyrics.formats.tables import LineMetadata
from acestep_runtime.song.orders import Tail, section_order, tail_start, with_key
from acestep_runtime.song.pieces import Piece, write_pieces
from acestep_runtime.song.plan import SongPlan, section_label
from acestep_runtime.song.state import (
    MAKING,
    PICKS,
    SONG,
    TABLE,
    MadeSection,
    MadeTake,
    State,
    load_state,
    lock_song,
    new_state,
    save_state,
    section_folder,
    write_whole,
)
from acestep_runtime.song.table import has_table, sections_table
from acestep_runtime.values import CancelToken, Json

#: Gets the number of a section, from 0, what is done with it, and the fraction of the song that is done.
Report = Callable[[int, str, float], None]
_TAIL, _LIKE = "before.wav", "like.wav"


class SectionRunner(Protocol):
    """Runs the orders of sections, as `acestep_runtime.guide.runners.Runner` does."""

    def run(self, order: Order, folder: Path, cancel: CancelToken, report: Callable[[str, float], None]) -> Batch:
        """Run ``order`` into ``folder``; call ``report`` with the stage and the fraction done."""
        ...


@dataclass(frozen=True)
class Song:
    """A song in its folder. ``waiting`` is the number of the section, from 0, of which a take is to be chosen, if any."""

    folder: Path
    plan: SongPlan
    state: State

    @property
    def is_finished(self) -> bool:
        """Whether its file is there, with all sections that the plan has by now."""
        return self.state.finished and len(self.state.sections) == len(self.plan.sections)

    @property
    def file(self) -> Path:
        """The finished song."""
        return self.folder / SONG

    @property
    def waiting(self) -> int | None:
        """See the class."""
        made = self.state.sections
        return len(made) - 1 if made and not made[-1].chosen else None


def build_song(
    plan: SongPlan,
    folder: Path,
    runner: SectionRunner,
    *,
    pick: str | None = None,
    begin_again: str | None = None,
    choice: tuple[str, int | None] | None = None,
    renew: str | None = None,
    cancel: CancelToken | None = None,
    report: Report = lambda *_: None,
) -> Song:
    """Make what is missing of a song in ``folder``, and return it.

    ``pick`` says how takes are chosen, `PICKS`; default: as before, at first by score. With "ear" it returns after each
    section, and ``choice``, the name of a section and the number of a take from 1 (``None``: the one with the best score), goes
    on. ``begin_again`` is the name of a section that is made again with new seeds, with those after it; ``renew`` that of one
    that has changed in the plan, and is made again with those after it, with the seeds that they have. Sections that were
    added at the end of the plan are made, and nothing before them.

    Raises `InvalidValue` for a plan whose sections have changed since they were made, and what the runner raises; what was
    made until then stays.
    """
    if pick is not None and pick not in PICKS:
        raise InvalidValue("pick", pick, ", ".join(PICKS))
    again, renewed = (None if name is None else plan.number_of(name) for name in (begin_again, renew))
    with lock_song(folder):
        state = load_state(folder) or save_state(folder, new_state(plan, pick or PICKS[0]))
        changed = _first_change(plan, state)
        _check_changes(plan, changed, min((each for each in (again, renewed) if each is not None), default=None))
        if pick is not None:
            state = replace(state, pick=pick)
        if renewed is not None and renewed < len(state.sections):
            state = state.cut(renewed)
        if again is not None:
            state = _again_from(plan, state, again)
        if choice is not None:
            state = _choose(plan, state, *choice)
        state = save_state(folder, state)
        return _Builder(plan, folder, runner, cancel or CancelToken(), report).finish(state)


def read_song(plan: SongPlan, folder: Path) -> Song:
    """Return a song as far as it is made; nothing is changed.

    Raises `InvalidValue` where what is made is not from this plan, and for a state that cannot be read.
    """
    state = load_state(folder) or new_state(plan, PICKS[0])
    _check_changes(plan, _first_change(plan, state), None)
    return Song(folder, plan, state)


def is_begun_from(plan: SongPlan, folder: Path) -> bool:
    """Return whether what is made in a folder, if anything, is made from this plan."""
    try:
        state = load_state(folder)
    except InvalidValue:
        return False
    return state is None or _first_change(plan, state) is None


def _first_change(plan: SongPlan, state: State) -> int | None:
    """Return the number of the first section that is not as it was made, ``None`` without one."""
    for number, made in enumerate(state.sections):
        if number >= len(plan.sections) or not plan.is_made(number, made.fingerprint):
            return number
    return 0 if plan.seed not in (None, state.seed) else None


def _check_changes(plan: SongPlan, changed: int | None, again: int | None) -> None:
    if changed is None or (again is not None and again <= changed):
        return
    number = min(changed, len(plan.sections) - 1)
    name = plan.sections[number].name
    message = f"Since it was made, {section_label(name)} of the plan has changed, or the seed of the song."
    remedy = f'Make it and those after it again (--from "{name}"), or undo the change.'
    raise InvalidValue("plan", name, "the plan that the song was made from", message=message, remedy=remedy)


def _again_from(plan: SongPlan, state: State, number: int) -> State:
    """Return the state without a section and those after it, whose seeds are new ones the next time."""
    if number > len(state.sections):
        name = plan.sections[len(state.sections)].name
        raise InvalidValue("section", plan.sections[number].name, f'a section that was made, or "{name}", the next one')
    attempts = dict(state.attempts)
    for section in plan.sections[number:]:
        attempts[section.name.casefold()] = state.attempt(section.name) + 1
    seed = state.seed if number or plan.seed is None else plan.seed
    return replace(state.cut(number), attempts=attempts, seed=seed)


def _choose(plan: SongPlan, state: State, name: str, take: int | None) -> State:
    number = plan.number_of(name)
    if number >= len(state.sections):
        made = ", ".join(section.name for section in state.sections) or "nothing: none is made"
        raise InvalidValue("section", name, f"a section that is made: {made}")
    if take is None:
        take = state.sections[number].best
    takes = len(state.sections[number].takes)
    if not 1 <= take <= takes:
        raise InvalidValue(f"take of {section_label(plan.sections[number].name)}", take, f"1 to {takes}")
    return state if state.sections[number].chosen == take else state.choose(number, take)


class _Builder:
    """The work on one song."""

    def __init__(
        self, plan: SongPlan, folder: Path, runner: SectionRunner, cancel: CancelToken, report: Report
    ) -> None:
        self._plan, self._folder, self._runner, self._cancel, self._report = plan, folder, runner, cancel, report

    def finish(self, state: State) -> Song:
        """Make and choose what is missing, and write the song when all is chosen."""
        plan, folder = self._plan, self._folder
        for number in range(len(plan.sections)):
            if number >= len(state.sections):
                state = save_state(folder, state.add(self._make(state, number)))
            made = state.sections[number]
            if not made.chosen and state.pick == "ear" and len(made.takes) > 1:
                return Song(folder, plan, state)
            if not made.chosen:
                state = save_state(folder, state.choose(number, made.best))
        if not (state.finished and (folder / SONG).is_file() and has_table(plan, folder, state)):
            self._report(len(plan.sections) - 1, "writing the song", 1.0)
            write_song(plan, folder, state)
            state = save_state(folder, replace(state, finished=True))
        return Song(folder, plan, state)

    def _make(self, state: State, number: int) -> MadeSection:
        """Make all takes of a section, in a folder that gets its name when they are whole."""
        plan, name = self._plan, self._plan.sections[number].name
        self._report(number, "preparing", number / len(plan.sections))
        making, home = self._folder / MAKING, self._folder / section_folder(number, name)
        shutil.rmtree(making, ignore_errors=True)
        (making / "takes").mkdir(parents=True)
        order = self._order(state, number, making)

        def report(stage: str, fraction: float) -> None:
            self._report(number, stage, (number + fraction) / len(plan.sections))

        batch = self._runner.run(order, making / "takes", self._cancel, report)
        source_start = 0 if order.source is None else tail_start(plan, number)
        made = _section_of(plan, number, batch, source_start, home.name)
        for take, files in zip(made.takes, sorted(batch.takes, key=lambda each: each.take), strict=True):
            files.outputs[0].path.replace(making / "takes" / Path(take.file).name)
        shutil.rmtree(home, ignore_errors=True)
        (making / "takes").replace(home)
        shutil.rmtree(making, ignore_errors=True)
        return made

    def _order(self, state: State, number: int, making: Path) -> Order:
        plan = self._plan
        section = plan.sections[number]
        attempt, reference = state.attempt(section.name), None
        seeds = plan.seeds(number, state.seed, attempt)
        if section.like:
            model = plan.number_of(section.like)
            if attempt == state.attempt(section.like):  # else another one was asked for
                seeds = (state.sections[model].choice.seed, *seeds[1:])
            if _is_neural(plan, state, number):
                reference = self._cut(state, making / _LIKE, plan.sections[model].start, plan.sections[model].stop)
        tail = self._tail(state, number, making / _TAIL) if number else None
        return with_key(section_order(plan, number, seeds, tail, reference), state.id)

    def _tail(self, state: State, number: int, path: Path) -> Tail:
        """Write the end of the song before a section, and what that is to repeat behind it."""
        plan, section = self._plan, self._plan.sections[number]
        pieces, start, stop = pieces_of(self._folder, state), tail_start(plan, number), section.start
        before, has_latents = state.sections[number - 1].choice, False
        overlap = plan.overlap(number) if before.at + before.frames <= section.start else 0
        if section.like:
            copies, stop = self._copies(state, number)
            pieces, has_latents = [*pieces, *copies], _is_neural(plan, state, number)
        write_pieces(path, pieces, start, stop, plan.rate_hz)
        return Tail(Audio(path), start, overlap, bool(section.like), has_latents)

    def _copies(self, state: State, number: int) -> tuple[list[Piece], int]:
        """Return what a section is to repeat, and the frame of the song at which that ends.

        A section that is longer than its model goes on behind the copy. Not so where an engine starts from latents: silence
        would stay silent, so the copy begins again.
        """
        plan, section = self._plan, self._plan.sections[number]
        model = plan.number_of(section.like)
        take, first = state.sections[model].choice, plan.sections[model].start
        at, wanted = section.start, section.start + section.frames + plan.overhang(number)
        length = take.at + take.frames - first
        pieces = [Piece(self._folder / take.file, at, first - take.at)]
        if _is_neural(plan, state, number):
            length = min(length, plan.sections[model].frames) if at + length < wanted else length
            again = range(at + length, wanted, length)
            pieces += [Piece(self._folder / take.file, begin, first - take.at) for begin in again]
            length = wanted - at
        return pieces, min(wanted, at + length)

    def _cut(self, state: State, path: Path, start: int, stop: int) -> Audio:
        write_pieces(path, pieces_of(self._folder, state), start, stop, self._plan.rate_hz)
        return Audio(path)


def _is_neural(plan: SongPlan, state: State, number: int) -> bool:
    """Return whether the section that one is like was made from latents."""
    return state.sections[plan.number_of(plan.sections[number].like)].engine == "neural"


def write_song(plan: SongPlan, folder: Path, state: State) -> Path:
    """Write the song of the sections that are chosen, with a marker where each begins, and its table; return its file."""
    sections = plan.sections[: len(state.sections)]
    marks = Marks(markers=tuple((section.start / plan.rate_hz, section.name) for section in sections))
    write_pieces(
        folder / SONG, pieces_of(folder, state), 0, sections[-1].stop, plan.rate_hz,
        more=pack(chunks_of(marks, plan.rate_hz)),
    )  # fmt: skip
    write_whole(folder / TABLE, sections_table(plan, state))
    return folder / SONG


def pieces_of(folder: Path, state: State) -> list[Piece]:
    """Return the chosen takes of a song so far. Raises `InvalidValue` where the file of one is gone."""
    pieces = []
    for made in state.sections:
        if made.chosen:
            take = made.choice
            file = folder / take.file
            if not file.is_file():
                message = f"{printable(str(file))}, a take of {section_label(made.name)}, is gone."
                raise InvalidValue("folder", str(file), "a song with all its takes", message=message,
                                   remedy=f'Put it back, or make the section again (--from "{made.name}").')  # fmt: skip
            pieces.append(Piece(file, take.at))
    return pieces


def _section_of(plan: SongPlan, number: int, batch: Batch, source_start: int, home: str) -> MadeSection:
    """Return what is remembered of a batch. ``source_start`` is the frame of the song at which its source begins."""
    takes, scores = sorted(batch.takes, key=lambda take: take.take), {row.seed: row.score for row in batch.ranking}
    made = []
    for files in takes:
        header = files.outputs[0].header
        at = source_start + header.start_frame
        made.append(
            MadeTake(
                file=f"{home}/take-{files.take + 1}.wav",
                at=at,
                frames=header.frames,
                seed=files.seed,
                score=scores.get(files.seed),
                lines=tuple(_in_song(line, at / plan.rate_hz) for line in files.metadata.get("lines", ())),
                metadata=metadata_to_json(files.metadata),
            )
        )
    best = batch.takes[0].take + 1
    return MadeSection(plan.sections[number].name, plan.fingerprint(number), batch.engine, tuple(made), best)


def _in_song(line: LineMetadata, by_s: float) -> Json:
    """Return a line of the lyrics with its times in the song."""
    return {
        "text": line["text"],
        "start_s": round(line["start_s"] + by_s, 3),
        "end_s": round(line["end_s"] + by_s, 3),
    }
