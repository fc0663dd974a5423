"""Audio as samples and as files: decode, convert, mix down, splice, match loudness, write WAV.

Server, runtime and hosts share it. Importing the package itself loads nothing.
"""
