"""Programs of Windows that "Install now" starts, played on this machine: each does what its namesake does with the words given.

What they cannot show is whether the real ones agree. ``powershell.exe`` does what install.ps1 says, in Python.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

_HERE = """
def here(text):
    text = text.replace("\\\\", "/")
    return text[2:] if text[:2] == "C:" else text
"""

_POWERSHELL = (
    _HERE
    + """
import os, pathlib, subprocess, sys, time

words = sys.argv[1:]
at = words.index("-File")
assert words[:at] == ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-WindowStyle", "Hidden"], words
script, token = pathlib.Path(words[at + 1]), words[at + 2]
assert script.name == "install.ps1" and "Start-Process" in script.read_text()
folder = script.parent
os.chdir(folder)
side = 0
def there(name): return pathlib.Path(name).exists()
def beat():
    global side
    os.rename(f"beat-{token}-{side}", f"beat-{token}-{1 - side}")
    side = 1 - side
    time.sleep(0.02)
pathlib.Path(f"alive-{token}").touch()
pathlib.Path(f"beat-{token}-0").touch()
number, idle = 1, 0
while idle < 3000 and not there(f"cancel-{token}") and not there(f"quit-{token}"):
    if not there(f"step-{token}-{number}"):
        idle += 1
        beat()
        continue
    lines = pathlib.Path(f"step-{token}-{number}").read_text("utf-8").splitlines()
    environment = dict(os.environ)
    while "=" in lines[0] and lines[0].split("=")[0].replace("_", "").isupper():
        name, _, value = lines.pop(0).partition("=")
        environment[name] = here(value) if value[:2] == "C:" else value
    try:
        with open(f"out-{token}", "wb") as out, open(f"err-{token}", "wb") as err:
            process = subprocess.Popen([here(lines[0]), *lines[1:]], stdout=out, stderr=err, env=environment)
        while process.poll() is None:
            if there(f"cancel-{token}"):
                process.kill()
            beat()
        code = process.wait()
    except OSError:
        code = 127
    pathlib.Path(f"exit-{token}-{number}-{code}").touch()
    number, idle = number + 1, 0
os.remove(f"beat-{token}-{side}")
os.remove(f"alive-{token}")
"""
)

_CERTUTIL = """
import hashlib, pathlib, sys

assert sys.argv[1] == "-hashfile" and sys.argv[3] == "SHA256", sys.argv
print("SHA256 hash of", sys.argv[2] + ":")
print(hashlib.sha256(pathlib.Path(sys.argv[2]).read_bytes()).hexdigest())
print("CertUtil: -hashfile command completed successfully.")
"""

_TAR = """
import os, sys, zipfile

assert sys.argv[1] == "-xf", sys.argv
with zipfile.ZipFile(sys.argv[2]) as archive:
    archive.extractall()
for name in ("uv.exe", "uvx.exe"):
    os.chmod(name, 0o755)
"""

_CMD = (
    _HERE
    + """
import shutil, sys

assert sys.argv[1:6] == ["/d", "/c", "rd", "/s", "/q"], sys.argv
shutil.rmtree(here(sys.argv[6]))
"""
)

_CURL = """
import os, sys

os.execvp("curl", ["curl", *sys.argv[1:]])
"""

#: Takes the command out of the wheel and puts two programs into the folder for them, one without a console.
_UV = """
import os, pathlib, sys, zipfile

assert sys.argv[1:4] == ["tool", "install", "--force"], sys.argv
folder = pathlib.Path(os.environ["UV_TOOL_BIN_DIR"])
folder.mkdir(parents=True)
code = zipfile.ZipFile(sys.argv[-1]).read("acebridge.py").decode()
for name in ("acebridge.exe", "acebridgew.exe"):
    (folder / name).write_text(f"#!{sys.executable}\\n{code}\\nmain()\\n")
    (folder / name).chmod(0o755)
print("Installed 2 executables", file=sys.stderr)
"""


def _program(path: Path, code: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{code}", "utf-8")
    path.chmod(0o755)


def windows_programs(root: Path) -> None:
    """Write them below ``root``, which stands for the folder ``Windows``."""
    system = root / "System32"
    _program(system / "WindowsPowerShell" / "v1.0" / "powershell.exe", _POWERSHELL)
    for name, code in (("certutil", _CERTUTIL), ("tar", _TAR), ("cmd", _CMD), ("curl", _CURL)):
        _program(system / f"{name}.exe", code)


def windows_uv_archive(folder: Path) -> Path:
    """Return an archive with a ``uv.exe``, packed as its releases for Windows are."""
    path = folder / "uv-x86_64-pc-windows-msvc.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("uv.exe", "uvx.exe"):
            archive.writestr(name, f"#!{sys.executable}\n{_UV}")
    return path
