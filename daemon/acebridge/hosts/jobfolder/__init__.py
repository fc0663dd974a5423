"""What the scripts of REAPER ask the command for: jobs that are handed over, and handed back, as files in a folder.

The scripts make a folder with ``request.json`` in it and start ``acebridge reaper run FOLDER``; that keeps ``status.json``
up to date, writes the audio into the project's media folder, and tells all about it in ``result.json``.
"""

#: Of the files in a job folder. Scripts and command of different versions do not understand each other.
VERSION = 1
REQUEST, STATUS, RESULT, LOG = "request.json", "status.json", "result.json", "log.txt"
#: Empty files that the scripts make: the request is coming; stop the job; its result is on tracks, or was declined.
READYING, CANCEL, PLACED = "readying", "cancel", "placed"
