"""The programs beside the scripts for REAPER, ``release.py`` and ``index.py``, as modules: they lie in no package."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from tests.support.paths import REAPER_SCRIPTS


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, REAPER_SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


release = _load("release")
index = _load("index")
