"""What ``acebridge jobs top`` shows, from facts alone: nothing here asks a daemon or a clock.

AceBridge 0.1.0 at 127.0.0.1:50710: 1 runs, 2 wait, store 1.2 GiB of 20.0 GiB
 device   work            memory   models
 cpu      job 5f1c…       1.1 GiB  xl-turbo
   job           task     state      progress          left  speed   from
 ▸ 5f1c2a9b0d3e  repaint  running    ━━━━━──── 52 %     4 s  3.1 ×   REAPER
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from acebridge.cli.listing import SHORT, bytes_text, job_state, job_task
from acebridge.cli.request_words import request_of_job, title_of
from acebridge.v1 import daemon_pb2, jobs_pb2
from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

KEYS = "q: quit   up, down: choose   c: cancel the chosen job"
_LONGEST_CELL = 300
#: Letters of the bar of a job's progress.
_BAR = 10
#: Lines that are no jobs: the heading, two headings of tables, and the keys.
_OTHER_LINES = 6


@dataclass(frozen=True)
class Facts:
    """What a daemon said last. ``lengths_s`` are those of stored sources by asset id, in seconds; ``now_s`` is its Unix time.

    ``problem`` says why it does not answer now; the rest is then as it was.
    """

    address: str = ""
    status: daemon_pb2.DaemonStatus = field(default_factory=daemon_pb2.DaemonStatus)
    jobs: Sequence[jobs_pb2.Job] = ()
    lengths_s: Mapping[str, float] = field(default_factory=dict)
    now_s: float = 0.0
    problem: str = ""


class _Column(NamedTuple):
    """A column of the table of jobs, in terminals of at least ``from_width`` letters; it has at most ``most`` of them."""

    name: str
    from_width: int
    cell: Callable[[jobs_pb2.Job, Facts], str]
    right: bool = False
    most: int | None = None


def sort_jobs(jobs: Sequence[jobs_pb2.Job]) -> list[jobs_pb2.Job]:
    """Return jobs as they are listed: those that run, those that wait in their order, those that have ended."""

    def place(job: jobs_pb2.Job) -> tuple[int, int, float]:
        state = job.state
        kind = {jobs_pb2.JOB_STATE_RUNNING: 0, jobs_pb2.JOB_STATE_QUEUED: 1}.get(state, 2)
        return kind, job.position if kind == 1 else 0, -_seconds(job, "end_time" if kind == 2 else "create_time")

    return sorted(jobs, key=place)


def length_s(job: jobs_pb2.Job, lengths_s: Mapping[str, float]) -> float | None:
    """Return how many seconds of audio a job works on, all its takes together; ``None`` where that is not known."""
    fields = request_of_job(job)
    output = fields.get("output")
    count = output.get("tries") or output.get("takes") if isinstance(output, Mapping) else None
    takes = count if isinstance(count, int) else 1
    made_s = fields.get("duration_s")
    if isinstance(made_s, float):
        return made_s * takes
    source = fields.get("source")
    if not isinstance(source, Mapping):
        return None
    whole = lengths_s.get(str(source.get("asset_id")))
    for region in (fields, source.get("region")):
        if isinstance(region, Mapping) and {"start_s", "end_s"} & region.keys():
            start, end = region.get("start_s", 0.0), region.get("end_s", whole)
            return (end - start) * takes if isinstance(start, float) and isinstance(end, float) else None
    return None if whole is None else whole * takes


def speed_text(job: jobs_pb2.Job, facts: Facts) -> str:
    """Return how fast a job is in its newest attempt: audio in times of real time, else steps a second, else nothing."""
    ended = job.HasField("end_time")
    if not job.HasField("start_time") or job_state(job) not in ("running", "succeeded"):
        return ""
    passed_s = (_seconds(job, "end_time") if ended else facts.now_s) - _seconds(job, "start_time")
    if passed_s <= 0 or not job.progress.fraction:
        return ""
    seconds = length_s(job, facts.lengths_s)
    if seconds is not None:
        return f"{job.progress.fraction * seconds / passed_s:.3g} ×"
    sampling = request_of_job(job).get("sampling")
    steps = sampling.get("steps") if isinstance(sampling, Mapping) else None
    return f"{job.progress.fraction * steps / passed_s:.3g} steps/s" if isinstance(steps, int) else ""


def _seconds(job: jobs_pb2.Job, name: str) -> float:
    """Return a time of a job in Unix seconds; 0 where it is absent."""
    return float(getattr(job, name).ToNanoseconds()) / 1e9


def _progress(job: jobs_pb2.Job, _: Facts) -> str:
    if job_state(job) == "queued":
        return f"{job.position} before it" if job.position else "next"
    done = round(job.progress.fraction * _BAR)
    return f"{'━' * done}{'─' * (_BAR - done)} {job.progress.fraction:4.0%}"


def _left(job: jobs_pb2.Job, _: Facts) -> str:
    known = job_state(job) == "running" and job.progress.HasField("eta_s")
    return f"{job.progress.eta_s:.0f} s" if known else ""


def _what(job: jobs_pb2.Job, _: Facts) -> str:
    """Return what a job is about, and what it does or why it ended."""
    now = job.error.message or (job.progress.stage if job_state(job) in ("running", "queued") else "")
    return " – ".join(filter(None, (title_of(job), now)))


def _origin(job: jobs_pb2.Job, _: Facts) -> str:
    return " ".join(filter(None, (job.origin.host, job.origin.instance)))


_COLUMNS = (
    _Column("job", 0, lambda job, _: job.id[:SHORT]),
    _Column("task", 0, lambda job, _: job_task(job)),
    _Column("engine", 90, lambda job, _: job.engine),
    _Column("state", 0, lambda job, _: job_state(job)),
    _Column("progress", 0, _progress),
    _Column("left", 70, _left, right=True),
    _Column("speed", 80, speed_text, right=True),
    _Column("from", 122, _origin, most=24),
)
#: The last column, which gets what the others leave, if that is enough to say something.
_ABOUT, _LEAST_ABOUT = _Column("about", 0, _what), 20


def top_rows(facts: Facts) -> tuple[list[str], list[list[str]]]:
    """Return the names of all columns of jobs, and the cells of each job."""
    jobs = sort_jobs(facts.jobs)
    columns = (*_COLUMNS, _ABOUT)
    return [column.name for column in columns], [[_text(column.cell(job, facts)) for column in columns] for job in jobs]


def top_page(facts: Facts, *, chosen: str = "", width: int, height: int) -> RenderableType:
    """Return the page for a terminal of ``width`` by ``height`` letters; the job with the id ``chosen`` is marked."""
    from rich.console import Group
    from rich.text import Text

    lines: list[RenderableType] = [_line(_heading(facts), "bold")]
    if facts.problem:
        lines.append(_line(facts.problem, "bold red"))
    lines += [_devices(facts), Text("")]
    room = max(height - len(facts.status.workers) - len(lines) - _OTHER_LINES, 1)
    jobs = sort_jobs(facts.jobs)
    lines.append(_jobs(facts, _around(jobs, chosen, room), chosen, width))
    if len(jobs) > room:
        lines.append(_line(f"and {len(jobs) - room} more", "dim"))
    if not jobs:
        lines.append(_line("no jobs", "dim"))
    return Group(*lines, Text(""), _line(KEYS, "dim"))


def _around(jobs: Sequence[jobs_pb2.Job], chosen: str, room: int) -> Sequence[jobs_pb2.Job]:
    """Return as many jobs as there is room for, with the chosen one among them."""
    at = next((number for number, job in enumerate(jobs) if job.id == chosen), 0)
    first = max(0, min(at - room + 1, len(jobs) - room))
    return jobs[first : first + room]


def _heading(facts: Facts) -> str:
    status = facts.status
    if not status.version:
        return f"AceBridge at {facts.address}" if facts.address else "AceBridge"
    store = f"store {bytes_text(status.stored_bytes)} of {bytes_text(status.quota_bytes)}"
    work = f"{status.running_jobs} running, {status.waiting_jobs} waiting"
    return f"AceBridge {status.version} at {facts.address}: {work}, {store}"


def _devices(facts: Facts) -> Table:
    table = _table()
    for name in ("device", "work", "memory", "models"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for worker in facts.status.workers:
        device = f"{worker.device} ({worker.label})" if worker.label else worker.device
        work = worker.problem or (f"job {worker.job_id[:SHORT]}" if worker.job_id else "idle")
        memory = bytes_text(worker.memory_bytes) if worker.memory_bytes else ""
        table.add_row(*(_cell(each) for each in (device, work, memory, ", ".join(worker.models))))
    return table


def _jobs(facts: Facts, jobs: Sequence[jobs_pb2.Job], chosen: str, width: int) -> Table:
    columns = [column for column in _COLUMNS if column.from_width <= width]
    cells = [[_cell(column.cell(job, facts)) for job in jobs] for column in columns]
    free = width - 2  # beside the mark
    for column, held in zip(columns, cells, strict=True):
        longest = max([len(column.name), *(cell.cell_len for cell in held)])
        free -= min(longest, column.most or longest) + 1
    if free >= _LEAST_ABOUT:
        columns.append(_ABOUT._replace(most=free))
        cells.append([_cell(_what(job, facts)) for job in jobs])
    table = _table()
    table.add_column("", width=1)
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.right else "left"
        table.add_column(column.name, no_wrap=True, overflow="ellipsis", justify=justify, max_width=column.most)
    for job, *row in zip(jobs, *cells, strict=True):
        table.add_row("▸" if job.id == chosen else "", *row, style=_STYLES.get(job_state(job)))
    return table


_STYLES = {"running": "bold", "failed": "red", "cancelled": "dim", "succeeded": "dim"}


def _table() -> Table:
    from rich.table import Table

    return Table(box=None, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False)


def _line(text: str, style: str) -> Text:
    from rich.text import Text

    return Text(_text(text), style=style, no_wrap=True, overflow="ellipsis")


def _cell(text: str) -> Text:
    from rich.text import Text

    return Text(_text(text))


def _text(text: str) -> str:
    """Return a text without what would change the terminal: names come from other programs."""
    return printable(text, _LONGEST_CELL) if text else ""
