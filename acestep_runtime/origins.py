"""Where the outputs of a task come from, as their files say it: what their source says beside its samples, and the recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import suppress

from acestep_runtime.audio.tags.ixml import read_recipe
from acestep_runtime.audio.tags.positions import TimeLine
from acestep_runtime.audio.tags.result import Maker, ResultChunks, SourceTags
from acestep_runtime.audio.tags.riff import unpack
from acestep_runtime.engines.base import Engine, ModelChooser
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.recipes import Recipe, describe, own_version, parse_recipe, recipe_of, wants_recipes
from acestep_runtime.tasks.base import OutputHeader, Source, Task
from acestep_runtime.values import Sampling


class Origins:
    """The chunks of the outputs of one task, whose seeds are all known. ``notes`` say what of the source is not in them.

    The source is read when the first output begins.
    """

    def __init__(self, task: Task, engine: Engine) -> None:
        self.notes: tuple[str, ...] = ()
        self._task, self._engine = task, engine
        self._source: Source | None = task.audio_inputs().get("source")
        self._tags: SourceTags | None = None
        #: The recipe of all outputs, but for seed and role; `None` until the first, and where there are none.
        self._recipe: Recipe | None = None

    def chunks_for(self, header: OutputHeader) -> bytes:
        """Return the chunks of an output. Raises ``OSError``."""
        if self._tags is None:
            self._tags = SourceTags() if self._source is None else SourceTags.read(self._source.path)
        result = self._tags.chunks_for(self._line(header), header.encoding, self._maker(header))
        if self._source is not None:
            self.notes = _notes(self._source, result)
        return result.data

    def _line(self, header: OutputHeader) -> TimeLine | None:
        return None if self._source is None else _line(self._source, header)

    def _maker(self, header: OutputHeader) -> Maker:
        if not wants_recipes():
            return Maker(_software())
        self._recipe = self._recipe or recipe_of(self._task, self._engine.name, self._model())
        output = self._task.output_spec
        variation_seed = output.variation_seeds[header.take] if output.variation else None
        recipe = dataclasses.replace(
            self._recipe, seed=output.seeds[header.take], role=header.role, variation_seed=variation_seed
        )
        return Maker(_software(), describe(recipe), recipe.to_json())

    def _model(self) -> str:
        """Return the name of the model; empty for an engine without any."""
        if not isinstance(self._engine, ModelChooser):
            return ""
        sampling: Sampling = getattr(self._task, "sampling", Sampling())
        return self._engine.choose_model(sampling.model, needs_base=self._task.chooses_base_model)


def widen_chunks(source: Source, header: OutputHeader) -> ResultChunks:
    """Return the chunks of a whole song, which ``header`` describes but for its chunks: those are of its region.

    Its recipe no longer asks for the region alone; its notes are whole sentences. Raises ``OSError``.
    """
    made = next((read_recipe(chunk.body) for chunk in unpack(header.chunks) if chunk.name == b"iXML"), "")
    maker = Maker(_software())
    with suppress(InvalidValue):  # a daemon of another version may write others
        recipe = parse_recipe(made, source.display_name)
        fields = {name: value for name, value in recipe.fields.items() if name != "scope"}
        whole = dataclasses.replace(recipe, fields=fields)
        maker = Maker(_software(), describe(whole), whole.to_json())
    result = SourceTags.read(source.path).chunks_for(_line(source, header), header.encoding, maker)
    return ResultChunks(result.data, _notes(source, result))


def widen_warnings(warnings: Sequence[str], source: Source, notes: Sequence[str]) -> list[str]:
    """Return the warnings of a region with ``notes`` in place of those on what is not in the region."""
    return [*(text for text in warnings if not text.startswith(_note_head(source))), *notes]


def _notes(source: Source, result: ResultChunks) -> tuple[str, ...]:
    return tuple(f"{_note_head(source)}{note}." for note in result.notes)


def _note_head(source: Source) -> str:
    return f"Of {printable(source.display_name)}, "


def _line(source: Source, header: OutputHeader) -> TimeLine:
    info, start, _ = source.part(exact=True)
    return TimeLine(info.sample_rate, info.frames, start, header.sample_rate, header.start_frame, header.frames)


def _software() -> str:
    return f"AceBridge {own_version()}".strip()
