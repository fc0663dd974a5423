"""The folder of models: ``ACEBRIDGE_MODELS``, which a daemon sets from ``models_dir``, else in the data folder; its entries."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VARIABLE = "ACEBRIDGE_MODELS"
#: The folder of adapters in it.
ADAPTERS = "adapters"


def models_folder() -> Path:
    """Return the folder of models, which may not exist. Raises ``RuntimeError`` where there is no home folder."""
    override = os.environ.get(VARIABLE)
    if override:
        return Path(override).expanduser().absolute()
    home = os.environ.get("ACEBRIDGE_HOME")
    data = Path(home).expanduser().absolute() if home else platformdirs.user_data_path("acebridge", appauthor=False)
    return data / "models"


def list_entries(folder: Path) -> list[Path]:
    """Return what lies in a folder, by name; empty where it cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
