"""``acebridge demo``: write a song, repaint it, separate stems, add layers, and show all on a page and in projects for DAWs.

It uses a private daemon through the public client, with a temporary data folder.
"""

from __future__ import annotations

from pathlib import Path

from acebridge.demo import checks, steps
from acebridge.demo.page import page_html, sound_file
from acebridge.demo.playback import play as play_aloud
from acebridge.demo.progress import StepLines
from acebridge.demo.results import Results, arrangement, mix_parts, page_content
from acebridge.demo.work import run_steps
from acebridge.pages.sound import flac, sound_script
from acebridge.project_files import SUFFIXES, write_project
from acestep_runtime.audio import decode, wav


def run_demo(out: Path, *, play: bool) -> None:
    """Make the demo in the folder ``out``, check its claims, and print the paths of the page and the projects.

    ``play`` plays the repainted song at the end. Raises `ClaimFailed` when a claim does not hold,
    `AceBridgeError` when the daemon does not start or refuses, and ``OSError`` when ``out`` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    projects = [out / f"demo{suffix}" for suffix in SUFFIXES]
    for stale in (out / "index.html", *projects):  # they are of an earlier run
        stale.unlink(missing_ok=True)
    with StepLines() as lines:
        outcomes, took_s = run_steps(out, lines)
        with lines.step("checking the results"):
            names = [*(file for step in steps.STEPS for file in step.files.values()), "backing.wav"]
            files = {name: decode.read(out / name) for name in names}
            patch = steps.patch_frames()
            region_check = checks.check_region(files["song.wav"], files["repainted.wav"], *patch)
            stem_error = checks.check_stem_sum(files["song.wav"], [files[f"stems/{stem}.wav"] for stem in steps.STEMS])
        with lines.step("writing the page and the projects"):
            files["repainted-bars.wav"] = files["repainted.wav"][slice(*patch)]
            files["layered.wav"] = mix_parts([files[name] for name in ("backing.wav", *steps.LAYER.files.values())])
            for name in ("repainted-bars.wav", "layered.wav"):
                wav.write(out / name, files[name], steps.RATE_HZ, steps.ENCODING)
            results = Results(outcomes, files, patch, region_check, stem_error, took_s)
            for name, samples in files.items():
                script = out / sound_file(name)
                script.parent.mkdir(exist_ok=True)
                script.write_bytes(sound_script(flac(samples, steps.RATE_HZ)))
            (out / "index.html").write_text(page_html(page_content(results)), "utf-8")
            whole, sources = arrangement(results), {name: out / name for name in files}
            notes = [note for project in projects for note in write_project(whole, project, sources)]
    print(out / "index.html")
    for project in projects:
        print(project)
    for note in notes:
        print(note)
    if play and (problem := play_aloud(files["repainted.wav"], steps.RATE_HZ)):
        print(f"{problem} Open {out / 'repainted.wav'} in a player instead.")
