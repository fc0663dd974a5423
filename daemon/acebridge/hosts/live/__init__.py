"""Ableton Live, through its Extensions API: actions on the arrangement, results on take lanes and new tracks.

Nothing of AceBridge runs inside Live. The package ``ableton-extensions`` brings a bridge that Live loads; the program of
``acebridge live run`` is a client of that bridge. What it is asked for goes through job folders, as for any other host. Only
``bridge.py``, ``extension.py`` and what these import load the package, which is an optional extra.
"""
