"""What a file says beside its samples: its place in time, markers and loops, names, and how it was made.

riff        chunks of a WAV file, as bytes and as pairs of name and body
positions   bext, cue points, labels, loops and timers on another time line
info        the names in a LIST INFO chunk
ixml        the iXML chunk, with the recipe of a result
names       names in files of any kind
marks       place in time and markers, as comments have them
result      what a result keeps of its source
vorbis id3  names in FLAC, Ogg and MP3
transfer    from the chunks of a WAV file to those
describe    all of it, for people
"""
