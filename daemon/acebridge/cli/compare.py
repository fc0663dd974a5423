"""``acebridge compare``: a page that plays takes and stems at one position, equally loud."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from acebridge.pages.compare import Take

Files = Annotated[
    list[Path],
    typer.Argument(help="Audio files, each a take; a folder is a set of stems, heard together.", show_default=False),
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Page to write. Default: compare.html.", show_default=False)
]
Source = Annotated[
    Path | None, typer.Option("--source", help="File that they are compared with: choice 0.", show_default=False)
]
Stems = Annotated[bool, typer.Option("--stems", help="The files are stems of one song, heard together.")]
Title = Annotated[str | None, typer.Option("--title", help="Title of the page.", show_default=False)]


def compare(files: Files, out: Out = None, source: Source = None, stems: Stems = False, title: Title = None) -> None:
    """Write a page that plays takes and stems: A/B at one position, equally loud, stems muted and alone."""
    from acebridge.cli.echo import echo
    from acebridge.cli.files import free_name
    from acebridge.cli.pages import check_page, say_folder
    from acebridge.pages.compare import Comparison, Take, write_comparison

    takes = [*([Take(source, "Source", is_source=True)] if source is not None else []), *_takes(files, stems=stems)]
    page = check_page("--out", out or free_name(Path("compare.html")), [take.path for take in takes])
    say_folder(write_comparison(page, Comparison(title or _title(files), takes)))
    echo(f"{page}  (page)")


def _title(files: Sequence[Path]) -> str:
    names = [path.resolve().stem for path in files]
    return " · ".join(names) if len(names) <= 3 else f"{names[0]} and {len(names) - 1} more"


def _takes(files: Sequence[Path], *, stems: bool) -> Iterator[Take]:
    from acebridge.pages.compare import Take

    counts, folders = Counter(path.stem for path in files), Counter(path.resolve().name for path in files)
    for path in files:
        if path.is_dir():
            whole = path.resolve()
            name = whole.name if folders[whole.name] == 1 else f"{whole.parent.name}/{whole.name}"
            yield from _stems(path, name.replace("_", " ").capitalize())
        else:
            name = path.stem if counts[path.stem] == 1 else f"{path.resolve().parent.name}/{path.name}"
            yield Take(path, name, path.stem.lower(), "Stems") if stems else Take(path, name)


def _stems(folder: Path, title: str) -> Iterator[Take]:
    from acebridge.audio_files import list_audio
    from acebridge.pages.compare import Take

    for path in list_audio(folder):
        yield Take(path, path.stem.replace("_", " ").capitalize(), path.stem.lower(), title)
