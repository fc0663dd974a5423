"""``acebridge demo``: a song written, repainted, taken apart and layered, shown on a page and in a REAPER project.

It talks to a daemon of its own through the public client, in a data folder that is gone afterwards.
"""

from __future__ import annotations

from pathlib import Path

from acebridge.demo import checks, steps
from acebridge.demo.page import page_html
from acebridge.demo.playback import play as play_aloud
from acebridge.demo.progress import StepLines
from acebridge.demo.results import Results, mixed, page_content, project_text
from acebridge.demo.work import ask_for_everything
from acestep_runtime.audio import decode, wav


def run_demo(out: Path, *, play: bool) -> None:
    """Make the demo in the folder ``out``, check what it claims, and print where the page and the project are.

    ``play`` plays the repainted song at the end. Raises `ClaimFailed` when a result is not what it should be,
    `AceBridgeError` when the daemon does not start or refuses, and ``OSError`` when ``out`` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    for stale in ("index.html", "demo.rpp"):  # what an earlier run claimed says nothing about this one
        (out / stale).unlink(missing_ok=True)
    with StepLines() as lines:
        outcomes, took_s = ask_for_everything(out, lines)
        with lines.step("checking the results"):
            names = [*(file for step in steps.STEPS for file in step.files.values()), "backing.wav"]
            files = {name: decode.read(out / name) for name in names}
            patch = steps.patch_frames()
            untouched = checks.untouched_outside(files["song.wav"], files["repainted.wav"], *patch)
            stem_error = checks.stems_add_up(files["song.wav"], [files[f"stems/{stem}.wav"] for stem in steps.STEMS])
        with lines.step("writing the page and the project"):
            files["repainted-bars.wav"] = files["repainted.wav"][slice(*patch)]
            files["layered.wav"] = mixed([files[name] for name in ("backing.wav", *steps.LAYER.files.values())])
            for name in ("repainted-bars.wav", "layered.wav"):
                wav.write(out / name, files[name], steps.RATE_HZ, steps.ENCODING)
            results = Results(outcomes, files, patch, untouched, stem_error, took_s)
            (out / "index.html").write_text(page_html(page_content(results)), "utf-8")
            (out / "demo.rpp").write_text(project_text(results), "utf-8")
    print(out / "index.html")
    print(out / "demo.rpp")
    if play and (problem := play_aloud(files["repainted.wav"], steps.RATE_HZ)):
        print(f"{problem} Open {out / 'repainted.wav'} in a player instead.")
