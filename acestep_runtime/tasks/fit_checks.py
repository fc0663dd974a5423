"""What a task may ask of the fit with its source. Light to import."""

from __future__ import annotations

from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks.base import FIT, SCORES, Output, Task
from acestep_runtime.values import OTHER


def check_fit(task: type[Task], output: Output) -> None:
    """Raise `InvalidValue` where takes are to be chosen by a fit, or moved, that a task does not have."""
    if output.score_by == FIT and not task.fits_source:
        raise InvalidValue(
            "score_by", FIT, ", ".join(name for name in SCORES if name not in ("", FIT)),
            message=f"{task.name} has no source that its takes could fit.",
            remedy="Choose them by quality.",
        )  # fmt: skip
    if not output.fix_timing or (task.fits_source and OTHER not in task.roles):
        return
    why = "its outputs add up to the source" if task.fits_source else "it has no source that its takes could follow"
    raise InvalidValue(
        "fix_timing", True, f"nothing for {task.name}",
        message=f"The timing of {task.name} cannot be fixed: {why}.",
        remedy="Leave it out.",
    )  # fmt: skip
