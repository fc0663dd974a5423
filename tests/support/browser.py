"""A headless Chromium for pages. It speaks the DevTools protocol over two pipes: JSON objects, a zero byte behind each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.daemon import PATIENCE_S

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


class Page:
    """A page that is open."""

    def __init__(self, reading: int, writing: int) -> None:
        self._in, self._out = os.fdopen(reading, "rb"), os.fdopen(writing, "wb", buffering=0)
        self._left = b""
        self._count = 0
        self._session: str | None = None
        self._target = ""
        #: Addresses that were asked for.
        self.asked: list[str] = []
        self.faults: list[str] = []

    def open(self, path: Path, before: str = "") -> None:
        """Open a file in place of the one before and wait until it is there; the script ``before`` runs before its own."""
        before_this, self._session = self._target, None
        self._target = target = self.call("Target.createTarget", url="about:blank")["targetId"]
        if before_this:
            self.call("Target.closeTarget", targetId=before_this)
        self.asked.clear()
        self.faults.clear()
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        self.call("Page.navigate", url=path.as_uri())
        self.eval("new Promise(done => document.readyState == 'complete' ? done() : addEventListener('load', done))")

    def eval(self, code: str) -> Any:
        """Return the value of an expression, or of what it promises."""
        message = self.call(
            "Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in message, message
        return message["result"].get("value")

    def resize(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Show the page in a window of this size, in dark or light colours."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def until(self, condition: str) -> None:
        """Wait until an expression is true."""
        in_time = self.eval(f"""new Promise(done => {{ const end = Date.now() + {1000 * PATIENCE_S};
            const look = setInterval(() => {{ const is = Boolean({condition});
                if (is || Date.now() > end) {{ clearInterval(look); done(is); }} }}, 10) }})""")
        assert in_time, (condition, self.faults)

    def key(self, key: str) -> None:
        """Press a key and let it go."""
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        session = {} if self._session is None else {"sessionId": self._session}
        said = {"id": self._count, "method": method, "params": parameters, **session}
        self._out.write(json.dumps(said).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._count:
                assert "error" not in message, message
                return dict(message["result"])
            if message.get("method") == "Network.requestWillBeSent":
                self.asked.append(message["params"]["request"]["url"])
            elif message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
                self.faults.append(json.dumps(message["params"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            more = os.read(self._in.fileno(), 65536)
            assert more, "the browser has ended"
            self._left += more
        said, self._left = self._left.split(b"\0", 1)
        return dict(json.loads(said))

    def close(self) -> None:
        self._in.close()
        self._out.close()


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """A browser with one page, ended at the end."""
    assert CHROMIUM is not None
    to_read, to_write = os.pipe(), os.pipe()
    # The browser reads commands from descriptor 3 and writes to 4, whichever they are here.
    shell = f'exec 3<&{to_read[0]} 4>&{to_write[1]}; exec "$@"'
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}",
               "--no-first-run", "--mute-audio", "--autoplay-policy=no-user-gesture-required",
               "--disable-dev-shm-usage"]  # fmt: skip
    process = subprocess.Popen(
        ["/bin/bash", "-c", shell, "bash", CHROMIUM, *options], pass_fds=[to_read[0], to_write[1]],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_read[0])
    os.close(to_write[1])
    page = Page(to_write[0], to_read[1])
    try:
        yield page
        page._session = None
        page.call("Browser.close")
    finally:
        page.close()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
