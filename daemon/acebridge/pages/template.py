"""Filling a page's template with what all pages share: the style, the script, and the policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from string import Template


def read_part(name: str, package: str = "acebridge.pages") -> str:
    """Return the text of a file that is installed with a package."""
    return (files(package) / name).read_text("utf-8")


def fill_page(template: str, script: str, *, loads_files: bool, **values: str) -> str:
    """Return the page: ``$name`` in ``template`` becomes the value of that name, which is HTML.

    ``$style``, ``$script`` and ``$policy`` are made here. With ``loads_files`` audio and scripts beside the page may be loaded.
    """
    return Template(template).substitute(
        values, style=read_part("page.css"), script=script, policy=_policy(script, loads_files=loads_files)
    )


def _policy(script: str, *, loads_files: bool) -> str:
    """Return a content security policy. A browser runs an inline script only if it has this digest."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    beside = " 'self' file:" if loads_files else ""
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'{beside}; style-src 'unsafe-inline'; img-src data:;"
        f" media-src data: blob:{beside}; base-uri 'none'; form-action 'none'"
    )
