"""Open the plug-in's window twice with pedalboard: ``python -m tests.support.pedalboard_window PLUGIN.vst3 CAPTION``.

Prints ``ready``, and the caption each time that the window has closed. It closes with a line on the standard input, and opens
again with the next one.
"""

from __future__ import annotations

import ctypes
import sys
import threading

import pedalboard

from tests.support.plugin import make_state, read_state


class _XError(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int), ("display", ctypes.c_void_p), ("resource", ctypes.c_ulong), ("serial", ctypes.c_ulong),
        ("error", ctypes.c_ubyte), ("request", ctypes.c_ubyte), ("minor", ctypes.c_ubyte),
    )  # fmt: skip


_Handler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_XError))


def _leave_out_missing_desktop() -> object:
    """Pass over errors about a window 0: pedalboard asks a missing desktop for its settings. Others end the program."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XSetErrorHandler.restype = ctypes.c_void_p

    def handle(display: int, event: ctypes._Pointer[_XError]) -> int:
        return before(display, event) if event.contents.resource else 0

    handler = _Handler(handle)
    before = _Handler(x11.XSetErrorHandler(handler))
    return handler


def main(path: str, caption: str) -> None:
    plugin = pedalboard.load_plugin(path)
    plugin.raw_state = make_state(caption=caption)
    handler = _leave_out_missing_desktop()
    print("ready", flush=True)
    while sys.stdin.readline():
        close = threading.Event()
        reader = threading.Thread(target=lambda close=close: (sys.stdin.readline(), close.set()))
        reader.start()
        plugin.show_editor(close)
        reader.join()
        print(read_state(plugin.raw_state)["caption"], flush=True)
    del handler


if __name__ == "__main__":
    main(*sys.argv[1:])
