"""Workers on a Ray cluster.

    daemon ── RayWorker ── pipe ──► relay ── Ray ──► actor on a node ── pipe ──► worker process
                                      │  ◄── messages, and the new bytes of files ──┘
                                      └──► files in the daemon's spool

The relay is a process, for a library that loses its cluster may end the process that it is in. It ends with the daemon, and
what Ray runs for it ends with the relay. The actor runs the worker process that a daemon on its node would run.
"""
