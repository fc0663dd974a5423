"""Job folders: how the scripts of any host hand a job over to the command and get its result back, as files in a folder.

The script writes ``request.json`` into a folder and starts ``acebridge host run FOLDER``. The command keeps ``status.json``
up to date, writes audio into the project's media folder and describes it in ``result.json``. PROTOCOL.md has all of it.
"""

#: Of the protocol: scripts and commands of different versions do not understand each other.
VERSION = 1
REQUEST, STATUS, RESULT, LOG = "request.json", "status.json", "result.json", "log.txt"
#: The command has it while it works.
LOCK = "lock"
#: Empty files that the script makes: the request is coming; stop the job; its result is placed, or was declined.
READYING, CANCEL, PLACED = "readying", "cancel", "placed"
#: In the inbox of a host: what is to be placed, and what its watcher answers.
PLACE, ANSWER = "place.json", "answer.json"
#: Names of the folders in an inbox, for watchers that list no folder.
FOLDERS = "folders.txt"
