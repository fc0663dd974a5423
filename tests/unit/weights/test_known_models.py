"""Listings of models: releases first, then what lies in the folder and is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from acestep_runtime.errors import InvalidValue
from acestep_runtime.weights.catalogue import RELEASES
from acestep_runtime.weights.installed import InstalledModel
from acestep_runtime.weights.known_models import fetch_model, find_models, is_released, model_rows
from acestep_runtime.weights.wheels import WHEELS


def test_every_release_has_a_row_before_models_of_ones_own(tmp_path: Path) -> None:
    own = InstalledModel("my-model", "turbo", tmp_path / "my-model", 5)
    name = next(iter(RELEASES))
    torn = InstalledModel(name, "turbo", tmp_path / name, 7, ("it lacks weights",))
    rows = model_rows({"my-model": own, name: torn})
    assert [row.name for row in rows] == [*RELEASES, *WHEELS, "my-model"]
    first = rows[0]
    assert (first.there, first.faults, first.size_bytes) == (False, ("it lacks weights",), RELEASES[name].about_bytes)
    assert rows[-1].there
    assert str(own.folder) in rows[-1].about
    assert [is_released(row.name) for row in rows] == [True] * (len(rows) - 1) + [False]


def test_an_empty_folder_has_no_models_and_an_unknown_name_is_refused(tmp_path: Path) -> None:
    assert find_models(tmp_path) == {}
    with pytest.raises(InvalidValue, match="no-such-model"):
        fetch_model("no-such-model", tmp_path, lambda _: None)
