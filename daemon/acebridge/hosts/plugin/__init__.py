"""The plug-in, as other programs see it: the folder that each of its instances keeps in the data folder.

An instance writes what it does into ``instance.json`` and does what the files in ``commands`` say (docs/plugin.md, "Link").
"""
