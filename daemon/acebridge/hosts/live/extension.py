"""The actions in Live's menus: from a click to a dialog, a job with progress, and the result in the Live Set."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ableton_extensions import AbletonError, ArrangementSelection, AudioClip, Extension

from acebridge.errors import ErrorReason, reason_of
from acebridge.hosts.jobfolder import RESULT
from acebridge.hosts.jobfolder.folders import refuse_version
from acebridge.hosts.live.actions import ACTIONS, SILENT, STRETCH, Action
from acebridge.hosts.live.facts import lines_of
from acebridge.hosts.live.form import Memory, Values, read_values
from acebridge.hosts.live.job import LIVE_FOLDER, close_job, make_job_folder, run_job, write_request
from acebridge.hosts.live.pages import WIDTH, form_page, message_page, read_answer
from acebridge.hosts.live.place import find_targets, place
from acebridge.hosts.live.plan import Target, Work
from acebridge.hosts.live.refusals import Refusal, sentences_of
from acebridge.hosts.live.selection import Selection, selection_of
from acebridge.hosts.live.waiting import note_targets, waiting_results
from acebridge.paths import data_folder
from acebridge.version import VERSION
from acestep_runtime.errors import Cancelled, printable

if TYPE_CHECKING:
    from acebridge.hosts.jobfolder.documents import ResultFile

NAME = "AceBridge"
PLACE_TITLE = "Place waiting results"
#: How long a bridge that was lost may take to come back before a result is left to be placed by hand.
RETURN_S = 30.0
_LOOK_S = 0.5
#: How long a dialog may stay open.
_DIALOG_S = 86_400.0
#: Progress of the reading and of the job, in percent of the whole.
_READING, _DONE = 5.0, 100.0


@dataclass(frozen=True)
class Service:
    """Which daemon and engine do the work; ``address`` of ``None`` is the user's own daemon."""

    engine: str = "auto"
    address: str | None = None
    autostart: bool = True


class Actions:
    """All actions on one Live. ``app`` is connected by its own ``run``; handlers are called in threads of their own."""

    def __init__(self, app: Extension, service: Service) -> None:
        self.app = app
        self._service = service
        self._memory = Memory(data_folder() / LIVE_FOLDER)
        self._at_work: set[Path] = set()
        for action in ACTIONS:
            self._add(action, action.title, ask=bool(action.form))
            if action.form:
                self._add(action, action.title + SILENT, ask=False)
        for scope in STRETCH:
            self._register(scope, PLACE_TITLE, "place", lambda _: self._guard(PLACE_TITLE, self._place_waiting))

    def _add(self, action: Action, title: str, *, ask: bool) -> None:
        def handle(chosen: ArrangementSelection | AudioClip) -> None:
            self._guard(action.title, lambda: self._perform(action, chosen, ask=ask))

        for scope in action.scopes:
            self._register(scope, title, f"{action.key}_{'dialog' if ask else 'now'}", handle)

    def _register(self, scope: str, title: str, key: str, handle: Callable[..., None]) -> None:
        def command(chosen: ArrangementSelection | AudioClip) -> None:
            handle(chosen)

        command.__name__ = f"{key}_{scope.replace('.', '_').lower()}"  # the package names a command after its function
        self.app.context_menu(scope, f"{NAME}: {title}")(command)

    def _guard(self, title: str, work: Callable[[], None]) -> None:
        """Do the work of an action; say in a dialog what went wrong, unless the musician has cancelled it."""
        try:
            work()
        except Cancelled:
            return
        except Exception as error:
            if not isinstance(error, Refusal) and reason_of(error) is ErrorReason.CANCELLED:
                return
            self._say(title, sentences_of(error))

    def _say(self, title: str, lines: tuple[str, ...] | list[str]) -> None:
        print(printable(f"[{NAME}] {title}: {' '.join(lines)}", 1000), file=sys.stderr, flush=True)
        self._open(*message_page(f"{NAME}: {title}", lines))

    def _open(self, page: str, height: int) -> str | None:
        """Show a page and return what it was sent with; ``None`` where it was closed, or Live shows nothing."""
        try:
            return self.app.ui.modal(page, WIDTH, height, timeout=_DIALOG_S)
        except AbletonError as error:
            print(printable(f"[{NAME}] no dialog: {error}", 300), file=sys.stderr, flush=True)
            return None

    # One action. ---------------------------------------------------------------------------------------------------------

    def _perform(self, action: Action, chosen: ArrangementSelection | AudioClip, *, ask: bool) -> None:
        selection = selection_of(chosen)
        values = self._ask(action) if ask else read_values(action.form, self._memory.texts(action.key))
        if values is None:
            return
        folder = make_job_folder()
        self._at_work.add(folder)
        try:
            self._run(action, selection, values, folder)
        finally:
            self._at_work.discard(folder)

    def _ask(self, action: Action) -> Values | None:
        """Return what the musician enters; ``None`` when they cancel."""
        texts: Mapping[str, str] = self._memory.texts(action.key)
        fault = ""
        while True:
            answer = read_answer(self._open(*form_page(f"{NAME}: {action.title}", action.form, texts, fault)))
            if answer is None:
                return None
            texts = {key: str(value) for key, value in answer.items()}
            try:
                values = read_values(action.form, texts)
            except Refusal as refusal:
                fault = refusal.message
                continue
            self._memory.remember(action.key, texts)
            return values

    def _run(self, action: Action, selection: Selection, values: Values, folder: Path) -> None:
        sentences: list[str] = []
        try:
            self.app.ui.progress(
                f"{NAME}: {action.title}",
                lambda update, abort: sentences.extend(self._work(action, selection, values, folder, update, abort)),
            )
        except Exception:
            if not (folder / RESULT).is_file():  # a failed job has nothing to place
                with suppress(OSError):
                    close_job(folder)
            raise
        if sentences:
            self._say(action.title, sentences)

    def _work(
        self,
        action: Action,
        selection: Selection,
        values: Values,
        folder: Path,
        update: Callable[..., None],
        abort: threading.Event,
    ) -> list[str]:
        """Read, run and place; return sentences for the musician."""

        def tell_reading(text: str) -> None:
            if abort.is_set():
                raise Cancelled
            update(text, 0.0)

        connection = self.app.transport.welcome
        plan = action.plan(Work(self.app.song, self.app.resources, folder, tell_reading), selection, values)
        if abort.is_set():
            raise Cancelled
        write_request(
            folder,
            action=action.key,
            title=action.title,
            parts=plan.parts,
            place=note_targets(plan.targets),
            engine=self._service.engine,
            live=self.app.transport.host_api_version or "",
        )
        result = self._follow(folder, update, abort)
        if plan.targets:
            said = self._place(plan.targets, result, same=lambda: self.app.transport.welcome is connection)
        else:
            said = lines_of(result)
        close_job(folder)
        return [*said, *plan.sentences, *result["warnings"]]

    def _follow(self, folder: Path, update: Callable[..., None], abort: threading.Event) -> ResultFile:
        """Run a job and show how far it is, whenever that changes."""
        shown: list[tuple[str, int]] = []

        def tell(stage: str, fraction: float) -> None:
            now = (printable(stage), round(_READING + (_DONE - _READING) * fraction))
            if shown[-1:] != [now]:
                shown.append(now)
                with suppress(AbletonError):  # the job goes on while Live is away
                    update(*now)

        service = self._service
        return run_job(
            folder, tell=tell, is_cancelled=abort.is_set, address=service.address, autostart=service.autostart
        )

    def _place(self, targets: list[Target], result: ResultFile, same: Callable[[], bool]) -> list[str]:
        """Place a result. Where the connection is no longer the ``same``, Live may be another: then only names are sure."""
        self._await_bridge()
        if not same():
            targets = find_targets(self.app, targets, [target.track is not None for target in targets])
        return place(self.app, targets, result)

    def _await_bridge(self) -> None:
        """Wait for a bridge that was lost. Raises `Refusal` when it stays away."""
        deadline = time.monotonic() + RETURN_S
        while not self._is_there():
            if time.monotonic() > deadline:
                raise Refusal(
                    "The connection to Live is lost; the result is kept.",
                    remedy=f"When Live is back, run {PLACE_TITLE}.",
                )
            time.sleep(_LOOK_S)

    def _is_there(self) -> bool:
        try:
            return bool(self.app.transport.call("bridge.ping", timeout=5.0))
        except AbletonError:
            return False

    # Results that wait. --------------------------------------------------------------------------------------------------

    def _place_waiting(self) -> None:
        waiting = waiting_results(self._at_work)
        sentences: list[str] = []
        for job in waiting:
            if (refusal := refuse_version(job.result, job.title)) is not None:
                sentences.extend(sentences_of(refusal))
                continue
            sentences.extend(place(self.app, find_targets(self.app, job.targets, job.lanes), job.result))
            close_job(job.folder)
        if not waiting:
            raise Refusal("No result waits to be placed.", remedy="Run an action on a selection.")
        if sentences:
            self._say(PLACE_TITLE, sentences)


def make_extension(url: str, service: Service) -> Extension:
    """Return the extension with all actions, for the bridge at ``url``; its ``run`` connects it."""
    app = Extension(NAME, author=NAME, version=VERSION, url=url)
    Actions(app, service)
    return app
