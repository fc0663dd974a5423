"""Songs from sections: a plan names verse, chorus and so on with their bars, and each is made after the one before it.

    from acestep_runtime.song import make_song

    song = make_song("plan.toml")
    print(song.file, [section["name"] for section in song.sections])

The first section is text to music, each of the others continues what is chosen so far. Everything lies in one folder, so that
an interrupted song goes on where it was, to the same result. How plans are written: docs/song.md.
"""

from acestep_runtime.song.api import SongResult, choose_take, make_like, make_song, show_song

__all__ = ["SongResult", "choose_take", "make_like", "make_song", "show_song"]
