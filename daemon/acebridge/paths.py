"""The data folder: ``ACEBRIDGE_HOME`` when that is set, else the platform's own place for application data.

Apart from the settings, which every command would otherwise load only to find the daemon.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from acebridge.errors import InvalidSetting
from acestep_runtime.errors import printable

#: In the data folder: where the daemon that serves it answers.
ADDRESS_FILE = "daemon.json"
#: In the data folder: the secret that clients of this daemon send along, in hexadecimal.
TOKEN_FILE = "token"
#: The environment variable that holds the token of a daemon elsewhere, for a client that was given its address.
TOKEN_VARIABLE = "ACEBRIDGE_TOKEN"
#: In the data folder: what is known of the tokens that the user made; and held by whoever changes that.
TOKENS_FILE, TOKENS_LOCK_FILE = "tokens.json", "tokens.lock"
#: In the data folder: the key that proves which files the jobs of scripts have made, see `acebridge.hosts.jobfolder.seal`.
JOB_KEY_FILE = "job_key"
#: In the data folder: the key and the certificate that the daemon has made for itself.
TLS_FILE = "tls.pem"
#: In the data folder: which daemons on other machines are trusted, and their tokens; and held by whoever changes that.
KNOWN_DAEMONS_FILE, KNOWN_DAEMONS_LOCK_FILE = "known_daemons.json", "known_daemons.lock"
#: In the data folder: one file for each job that the daemon elsewhere does for one of this, see `acebridge.client.forwarded`.
FORWARDED_FOLDER = "forwarded"
#: In the data folder: where the OSC bridge listens.
OSC_FILE = "osc.json"
#: In the data folder: where the JSON edge listens, and the key of its page.
PANEL_FILE, PANEL_KEY_FILE = "panel.json", "panel-key"
#: Held by whoever changes one of the files that say where programs listen.
SERVING_LOCK_FILE = "serving.lock"
#: In the data folder: the processes of its workers, so that the next daemon ends those that outlive this one.
WORKERS_FILE = "workers.json"
#: Held by the daemon that serves the data folder.
LOCK_FILE = "daemon.lock"
#: How the sentence begins that is said where it is held already. Clients that start a daemon look for it.
SERVED = "A daemon already serves"
#: Held by a client that replaces the daemon.
RESTART_LOCK_FILE = "restart.lock"
#: The log of the daemon, and where it prints what happens before there is one.
LOG_FILE, START_LOG_FILE = Path("logs", "daemon.log"), Path("logs", "start.log")
#: In the data folder: who did what, see `acebridge.audit`; held by whoever gives the file a number.
AUDIT_FILE, AUDIT_LOCK_FILE = "audit.log", "audit.lock"
#: In the data folder: the database, and files that are damaged or unknown, put aside.
DATABASE_FILE, QUARANTINE_FOLDER = "acebridge.db", "quarantine"
#: In the data folder: stored audio, each file in a folder named by the first two digits of its id.
ASSETS_FOLDER = "assets"
#: The settings.
CONFIG_FILE = "config.toml"


def asset_path(home: Path, asset_id: str) -> Path:
    """Return where the file of an asset is in the data folder ``home``, whether it is there or not."""
    return home / ASSETS_FOLDER / asset_id[:2] / asset_id


def data_folder() -> Path:
    """Return the folder that holds the database, the assets and ``config.toml``.

    Raises `InvalidSetting` where there is no home folder to have it in, and for a path that is no text.
    """
    home = os.environ.get("ACEBRIDGE_HOME")
    try:
        folder = (
            Path(home).expanduser().absolute() if home else platformdirs.user_data_path("acebridge", appauthor=False)
        )
    except RuntimeError:
        folder = Path()
    if not folder.is_absolute():  # some platformdirs raise, others leave the ~ that they cannot resolve
        raise InvalidSetting(
            "There is no home folder to keep data in.",
            remedy="Set the environment variable ACEBRIDGE_HOME to the full path of a folder.",
        )
    text = str(folder)
    if text != text.encode(errors="replace").decode():  # the contract, and so every client, has texts alone
        raise InvalidSetting(
            f"The path of the data folder, {printable(text)}, is not UTF-8.",
            remedy="Set the environment variable ACEBRIDGE_HOME to another folder.",
        )
    return folder
