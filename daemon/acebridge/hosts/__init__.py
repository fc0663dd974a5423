"""The ways in: one package for each kind of host. All use `acebridge.client` and never import the server.

**A host** with a scripting language needs no package here. Its scripts live in a folder beside ``reaper_scripts/`` and talk
to ``acebridge host run`` through job folders (``jobfolder/PROTOCOL.md``): write ``request.json``, follow ``status.json``, place
what ``result.json`` names. Add a package here only for what the command has to know about the host, such as where it keeps
its scripts (`acebridge.hosts.reaper`), or for a process of its own. If the host has checks for ``acebridge host doctor``,
add a row to `acebridge.hosts.registry`. Run the checks of ``tests/support/conformance.py`` on it: docs/hosts.md says how.
"""
