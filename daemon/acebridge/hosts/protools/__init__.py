"""Pro Tools, through its scripting interface (PTSL): gRPC on this machine, one method, bodies in JSON.

`schema` has its messages, `connection` asks it, `session` reads what is selected, `bounce` renders that, `place` puts results
on tracks, `run` does one task from end to end, `watch` waits for tasks. The daemon's part goes through job folders.
"""
