"""How well new audio fits its source: measured (`measure`), in words (`words`), and corrected (`correct`).

features   what is measured of each recording on its own: onsets, pitch classes, levels
timing     offset and tempo of the result against the source
pitch      tuning, key and chords of the result against the source
copies     what the result shares with the source, sample by sample
levels     silence, a late start, density, loudness, seams
tracks     the fit of a take of several tracks
parts      the one table: which part counts for which task, and how much
"""
