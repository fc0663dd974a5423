"""What a file says beside its samples: its place in time, markers and loops, names, and how it was made.

riff        chunks of a WAV file ◄─► bytes
positions   bext, cue points, labels, loops and timers on another time line
info        the names in a LIST INFO chunk
ixml        the iXML chunk, with the recipe of a result
names       names in files of any kind
result      what a result keeps of its source
vorbis id3  names in FLAC, Ogg and MP3
describe    all of it, for people
"""
