"""The network of Basic Pitch, which hears pitches: where it lies, and why it is not used. `wheels` fetches it."""

from __future__ import annotations

from importlib.util import find_spec

from acestep_runtime.installation import install_remedy
from acestep_runtime.midi.transcribe import PitchModel
from acestep_runtime.weights.catalogue import pull_hint
from acestep_runtime.weights.folder import models_folder
from acestep_runtime.weights.wheels import BASIC_PITCH


def find_pitch_model() -> PitchModel:
    """Return the file of the network where it and the package that runs it are there, else what to do about it."""
    if find_spec("onnxruntime") is None:
        remedy = install_remedy("midi")
        return PitchModel(None, f"{remedy} Then: {pull_hint(BASIC_PITCH.name)}")
    try:
        path = models_folder() / BASIC_PITCH.name / BASIC_PITCH.model
    except RuntimeError:
        return PitchModel(
            None, "There is no home folder for models: set ACEBRIDGE_MODELS to the full path of a folder."
        )
    return PitchModel(path) if path.is_file() else PitchModel(None, pull_hint(BASIC_PITCH.name))
