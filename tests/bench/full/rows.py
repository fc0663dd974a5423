"""What is measured at full size, in which ways, and the goals."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench.full.table import (
    BYTES,
    MACHINE,
    OPERATIONS,
    OURS,
    RATE,
    SHARE,
    SIZE,
    TIME,
    Figure,
    Goal,
    Turn,
    Value,
    invert,
    median_lap,
    scale,
    sum_laps,
)
from tests.bench.full.turns import DIFFUSERS, FIRST, FIRST_NARROW, INT8, WIDE, Order

MODEL, LANGUAGE_MODEL = "acestep-v15-turbo", "acestep-5Hz-lm-0.6B"
LYRICS = "[Verse]\nrain on the window\nand a light in the hall"
SONG_S, SHORT_S, STEPS = 30, 10, 8
REPAINT_SONG_S, REGION_S = 120, (55.0, 65.0)
DECODE_S, CODES = 6.4, 60
FRAMES_PER_S = 25
#: Operations of decoding a second of audio, by count.
_DECODE_OPERATIONS = 0.122e12
#: The matrix product that the floor of decoding is taken from: rows and side.
_PRODUCT = 4096, 2048
_READ_BYTES = 1 << 30
#: Rows of the language model's head that are codes.
_CODE_ROWS = 64_000


@dataclass(frozen=True)
class Setup:
    """Where things are: models, a song as a WAV file, and the precision of this run."""

    folder: Path
    song: Path
    precision: str

    @property
    def number_bytes(self) -> int:
        """Bytes of a number."""
        return {"bfloat16": 2, "float32": 4}[self.precision]

    def load(self, name: str = "load", model: str = MODEL) -> Order:
        """Return the order to load a model."""
        return Order("load", name, {"folder": str(self.folder), "model": model})


@dataclass(frozen=True)
class Row:
    """A row: ``order`` returns the orders of a way in the round with a number, ``figures`` what is told of it."""

    title: str
    ways: tuple[str, ...]
    order: Callable[[Setup, str, int], list[Order]]
    figures: Callable[[Setup], Sequence[Figure]]
    precisions: tuple[str, ...] = ("bfloat16", "float32")


def words(number: int) -> dict[str, str]:
    """Return words that no other number has, so that nothing of an earlier song is used again."""
    return {"caption": f"warm piano, brushed drums, number {number}", "lyrics": LYRICS}


def read_config(folder: Path, model: str) -> dict[str, int]:
    """Return the settings of a model."""
    found: dict[str, int] = json.loads((folder / model / "config.json").read_text())
    return found


def step_shapes(config: dict[str, int]) -> list[list[int]]:
    """Return the linear layers ``[outputs, inputs]`` of a layer of the transformer that see every patch in every step."""
    width, wide = config["hidden_size"], config["intermediate_size"]
    heads, kv_heads = (config[f"num_{name}_heads"] * config["head_dim"] for name in ("attention", "key_value"))
    self_attention = [[heads, width], [kv_heads, width], [kv_heads, width], [width, heads]]
    cross_attention = [[heads, width], [width, heads]]  # its keys and values are computed once for a song
    return [*self_attention, *cross_attention, [wide, width], [wide, width], [width, wide]]


def step_rows(config: dict[str, int]) -> int:
    """Return the patches of a song."""
    return SONG_S * FRAMES_PER_S // config["patch_size"]


def step_operations(config: dict[str, int]) -> float:
    """Return the operations of the linear layers of a step."""
    weights = sum(outputs * inputs for outputs, inputs in step_shapes(config))
    return 2.0 * step_rows(config) * config["num_hidden_layers"] * weights


def language_bytes(config: dict[str, int], number_bytes: int) -> int:
    """Return the bytes of the weights that a code reads: the layers, and the rows of the head that are codes."""
    width, wide = config["hidden_size"], config["intermediate_size"]
    heads, kv_heads = (config[f"num_{name}_heads"] * config["head_dim"] for name in ("attention", "key_value"))
    layer = width * (2 * heads + 2 * kv_heads + 3 * wide)
    return number_bytes * (config["num_hidden_layers"] * layer + _CODE_ROWS * width)


# ---- values of a turn ----


def select_sum(turn: Turn, label: str, parts: Sequence[str] = (), *, amount: float = 1.0) -> Value | None:
    """Return the time of an order, or of some parts of it, for a unit of its amount; ``None`` for a way without them."""
    found = sum_laps(turn.get(label, ()), parts)
    return scale(found, 1 / amount) if any(found) else None


def select_lap(turn: Turn, label: str, *parts: str) -> Value | None:
    """Return the median time of some parts of an order."""
    return median_lap(turn.get(label, ()), parts)


def select_rate(turn: Turn, label: str, *parts: str, amount: float = 1.0) -> Value | None:
    """Return how many parts there are in a second, each of them ``amount``."""
    return scale(invert(select_lap(turn, label, *parts)), amount)


def select_start(turn: Turn, label: str) -> Value | None:
    """Return the time before the steps: that to the end of the first step, without the time of another step."""
    laps, step = turn.get(label, ()), select_lap(turn, label, "step")
    if step is None:
        return None
    first = next(number for number, lap in enumerate(laps) if lap["part"] == "step")
    wall_s, cpu_s = sum_laps(laps[: first + 1])
    return max(0.0, wall_s - step[0]), max(0.0, cpu_s - step[1])


def select_memory(turn: Turn, label: str, name: str) -> Value | None:
    """Return a size of memory at the end of an order of a way that loads something."""
    return (turn[label][-1][name],) if "load" in turn else None


def select_unload(turn: Turn, part: str = "") -> Value | None:
    """Return the share of memory that unloading returns: of all, or of that beyond what a part of loading left."""
    before, after = (turn[label][-1]["rss_gib"] for label in ("song", "unload"))
    own = next((lap["rss_gib"] for lap in turn["load"] if lap["part"] == part), 0.0)
    return (100 * (before - after) / (before - own),)


# ---- rows ----


def _order_song(setup: Setup, way: str, number: int) -> list[Order]:
    if way == MACHINE:
        config = read_config(setup.folder, MODEL)
        layers = config["num_hidden_layers"]
        arguments = {"rows": step_rows(config), "shapes": step_shapes(config), "layers": layers, "rounds": 6}
        return [Order("song", "products", arguments)]

    def song(label: str, seconds: float, steps: int, seed: int) -> Order:
        return Order(
            label, "song", {"model": MODEL, "words": words(seed), "seconds": seconds, "steps": steps, "seed": seed}
        )

    return [setup.load(), song("warm-up", 1, 2, 1000 + number), song("song", SONG_S, STEPS, number)]


def _song_figures(setup: Setup) -> list[Figure]:
    decoding = ("decoding",)
    operations = step_operations(read_config(setup.folder, MODEL)) / 1e9
    is_narrow = setup.precision == "bfloat16"
    goals = (Goal(2.0, DIFFUSERS), Goal(3.5, FIRST)) if is_narrow else ()
    return [
        Figure(f"text2music, {SONG_S} s, {STEPS} steps, loaded", TIME, partial(_select_whole_song, label="song"), goals),
        Figure("its words and timbre", TIME, lambda turn: select_start(turn, "song")),
        Figure("a step of the transformer", TIME, lambda turn: select_lap(turn, "song", "step", "products")),
        Figure(
            "operations of its linear layers", OPERATIONS,
            lambda turn: select_rate(turn, "song", "step", "products", amount=operations),
        ),
        Figure("decoding, a second of audio", TIME, lambda turn: select_sum(turn, "song", decoding, amount=SONG_S)),
        Figure("load, files in the system's cache", TIME, lambda turn: select_sum(turn, "load", ("load",))),
        Figure("peak memory", SIZE, lambda turn: select_memory(turn, "song", "peak_gib")),
        Figure("of it not of files, at the end", SIZE, lambda turn: select_memory(turn, "song", "anonymous_gib")),
    ]  # fmt: skip


def _select_whole_song(turn: Turn, label: str) -> Value | None:
    return select_sum(turn, label) if "load" in turn else None


def _order_repaint(setup: Setup, way: str, number: int) -> list[Order]:
    del way
    start_s, end_s = REGION_S
    music = {**words(number), "lyrics": ""}  # with lyrics that have no times all of the song is read
    arguments = {"model": MODEL, "words": music, "file": str(setup.song), "start_s": start_s, "end_s": end_s}
    return [setup.load(), *(Order(f"take {seed}", "repaint", {**arguments, "seed": seed}) for seed in (1, 2))]


def _repaint_figures(_: Setup) -> list[Figure]:
    name = f"repaint of {REGION_S[1] - REGION_S[0]:.0f} s in {REPAINT_SONG_S} s"
    return [
        Figure(f"{name}, first take", TIME, lambda turn: select_sum(turn, "take 1"), (Goal(55, needs_amx=True),)),
        Figure(f"{name}, second take", TIME, lambda turn: select_sum(turn, "take 2"), (Goal(25, needs_amx=True),)),
        Figure("source, words and timbre of the first take", TIME, lambda turn: select_start(turn, "take 1")),
        Figure("a step of the transformer", TIME, lambda turn: select_lap(turn, "take 1", "step")),
        Figure("peak memory", SIZE, lambda turn: select_memory(turn, "take 1", "peak_gib")),
    ]


def _order_codes(setup: Setup, way: str, number: int) -> list[Order]:
    if way == MACHINE:
        return [Order("codes", "read", {"size_bytes": _READ_BYTES, "rounds": 8})]
    arguments = {"words": words(number), "count": CODES, "guidance": 2.0}
    return [setup.load("load_language", LANGUAGE_MODEL), Order("codes", "codes", arguments)]


def _codes_figures(setup: Setup) -> list[Figure]:
    read = language_bytes(read_config(setup.folder, LANGUAGE_MODEL), setup.number_bytes)
    factor = _READ_BYTES / read
    return [
        Figure(
            "codes, one song with guidance", RATE, lambda turn: select_rate(turn, "codes", "code", "read"),
            (Goal(1.35, FIRST), Goal(1.35, FIRST_NARROW)), floor_factor=factor,
        ),
        Figure(
            "weights read", BYTES, lambda turn: select_rate(turn, "codes", "code", "read", amount=read / 1e9),
            floor_factor=factor,
        ),
        Figure("load of the language model", TIME, lambda turn: select_sum(turn, "load", ("load",))),
        Figure("peak memory", SIZE, lambda turn: select_memory(turn, "codes", "peak_gib")),
    ]  # fmt: skip


def _order_decode(setup: Setup, way: str, number: int) -> list[Order]:
    del number
    if way == MACHINE:
        rows, side = _PRODUCT
        return [Order("decode", "products", {"rows": rows, "shapes": [[side, side]], "layers": 1, "rounds": 9})]
    arguments = {"seconds": DECODE_S}
    return [setup.load("load_vae"), Order("warm-up", "decode", {"seconds": 1.28}), Order("decode", "decode", arguments)]


def _select_decode(turn: Turn) -> Value | None:
    if "load" not in turn:
        return select_lap(turn, "decode", "products")
    return select_sum(turn, "decode", amount=DECODE_S)


def _decode_figures(_: Setup) -> list[Figure]:
    rows, side = _PRODUCT
    return [
        Figure(
            "decoding, a second of audio", TIME, _select_decode, (Goal(0.45, needs_amx=True),),
            floor_factor=_DECODE_OPERATIONS / (2 * rows * side * side),
        ),
    ]  # fmt: skip


def _order_memory(setup: Setup, way: str, number: int) -> list[Order]:
    del way
    arguments = {"model": MODEL, "words": words(number), "seconds": SHORT_S, "steps": STEPS, "seed": number}
    return [setup.load(), Order("song", "song", arguments), Order("unload", "unload")]


def _memory_figures(_: Setup) -> list[Figure]:
    peak_goals = (Goal(7), Goal(4, way=INT8))
    return [
        Figure(f"peak of a song of {SHORT_S} s", SIZE, lambda turn: select_memory(turn, "song", "peak_gib"), peak_goals),
        Figure("peak of loading", SIZE, lambda turn: select_memory(turn, "load", "peak_gib")),
        Figure("not of files, after the song", SIZE, lambda turn: select_memory(turn, "song", "anonymous_gib")),
        Figure("after unloading", SIZE, lambda turn: select_memory(turn, "unload", "rss_gib")),
        Figure("share that unloading returns", SHARE, select_unload, (Goal(95),)),
        Figure("the same without torch itself", SHARE, partial(select_unload, part="import")),
        Figure("load, files in the system's cache", TIME, lambda turn: select_sum(turn, "load", ("load",)), (Goal(5),)),
        Figure("import of torch and its libraries", TIME, lambda turn: select_sum(turn, "load", ("import",))),
        Figure(f"the song of {SHORT_S} s, the first after loading", TIME, lambda turn: select_sum(turn, "song")),
    ]  # fmt: skip


ROWS = {
    "song": Row(f"A song of {SONG_S} s", (OURS, DIFFUSERS, FIRST, MACHINE), _order_song, _song_figures),
    "repaint": Row("Repaint", (OURS, FIRST), _order_repaint, _repaint_figures),
    "codes": Row("Language model 0.6B", (OURS, FIRST, FIRST_NARROW, MACHINE), _order_codes, _codes_figures),
    "decode": Row("VAE", (OURS, DIFFUSERS, FIRST, MACHINE), _order_decode, _decode_figures),
    "memory": Row("Memory, load, unload", (OURS, WIDE, INT8), _order_memory, _memory_figures, ("bfloat16",)),
}
