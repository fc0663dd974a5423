-- The actions that send a request: what each is called, what its dialog asks and what it plans.

return function(import)
  local midi_notes = import("midi_notes")
  local on_regions = import("plan_regions")
  local on_takes = import("plan_takes")
  local on_tracks = import("plan_tracks")
  local song = import("plan_song")

  local STYLE = { key = "style", caption = "Style (instruments and mood)", kind = "text", optional = true }
  local LYRICS = { key = "lyrics", caption = "Lyrics ( / between lines)", kind = "text", optional = true }
  local TAKES = { key = "takes", caption = "Takes (1 to 8)", kind = "integer", allowed = { 1, 8 }, optional = true }
  local SEED = { key = "seed", caption = "Seed (empty: a new one)", kind = "integer", allowed = { 0, 4294967295 }, optional = true }
  local BARS = { key = "bars", caption = "Bars (1 to 64)", kind = "integer", allowed = { 1, 64 }, default = 8 }
  local function tracks(default)
    return { key = "tracks", caption = "Tracks (commas between)", kind = "text", default = default }
  end
  local function yes_or_no(key, caption, default)
    return { key = key, caption = caption, kind = "choice", allowed = { "yes", "no" }, default = default }
  end

  local CHORDS = yes_or_no("chords", "Chords of markers and ranges (if any)", "yes")

  return {
    repaint = {
      title = "Repaint", plan = on_takes.repaint,
      form = {
        STYLE, LYRICS, TAKES, SEED,
        { key = "mode", caption = "Change", kind = "choice", allowed = { "conservative", "balanced", "aggressive" }, default = "balanced" },
        { key = "strength", caption = "Strength when balanced (0 to 1)", kind = "number", allowed = { 0, 1 }, optional = true },
        { key = "loudness", caption = "As loud as", kind = "choice", allowed = { "region", "context", "off" }, default = "region" },
        CHORDS,
      },
    },
    cover = {
      title = "Cover", plan = on_tracks.cover,
      form = {
        STYLE, LYRICS, { key = "strength", caption = "Closeness to the source (0 to 1)", kind = "number", allowed = { 0, 1 }, optional = true }, TAKES, SEED,
        { key = "morph", caption = "Morph (keeps the arrangement)", kind = "choice", allowed = { "off", "words", "style", "all" }, default = "off" },
        { key = "source_style", caption = "Morph from style (empty: the new one)", kind = "text", optional = true },
        { key = "source_lyrics", caption = "Morph from lyrics (empty: the new ones)", kind = "text", optional = true },
        CHORDS,
      },
    },
    lego = { title = "Add layer", plan = on_tracks.lego, form = { tracks("drums"), STYLE, LYRICS, TAKES, SEED, CHORDS } },
    complete = { title = "Complete", plan = on_tracks.complete, form = { tracks("drums, bass, keyboard"), STYLE, LYRICS, TAKES, SEED, CHORDS } },
    extract = { title = "Extract stems", plan = on_tracks.extract, form = { tracks("vocals, drums, bass") } },
    generate = {
      title = "Generate here", notice = midi_notes.notice, plan = on_tracks.generate,
      form = { STYLE, LYRICS, { key = "seconds", caption = "Seconds (empty: as selected)", kind = "time", allowed = { 0.1, 600 }, optional = true }, TAKES, SEED, CHORDS },
    },
    compose = {
      title = "Compose from a description", plan = on_tracks.compose,
      form = {
        { key = "description", caption = "Description, in a sentence", kind = "text", optional = true },
        yes_or_no("instrumental", "Instrumental", "no"),
        { key = "seconds", caption = "Seconds (empty: as selected, or as it needs)", kind = "time", allowed = { 0.1, 600 }, optional = true },
        TAKES, SEED, CHORDS,
      },
    },
    song = {
      title = "Song from ranges", plan = song.song,
      form = { STYLE, LYRICS, yes_or_no("markers", "Add a marker for each section", "yes"), TAKES, SEED },
    },
    extend = { title = "Extend", plan = on_takes.extend, form = { BARS, STYLE, LYRICS, TAKES, SEED } },
    prepend = { title = "Prepend", plan = on_takes.prepend, form = { BARS, STYLE, LYRICS, TAKES, SEED } },
    vary = {
      title = "Vary", plan = on_regions.vary,
      form = { { key = "amount", caption = "How far from it (0.01 to 1)", kind = "number", allowed = { 0.01, 1 }, default = 0.3 }, TAKES },
    },
    join = {
      title = "Smooth join", plan = on_regions.join,
      form = { { key = "around", caption = "Seconds on each side (0.1 to 30)", kind = "time", allowed = { 0.1, 30 }, default = 2 }, STYLE, TAKES, SEED },
    },
    score = { title = "Score takes", plan = on_regions.score, form = { STYLE, LYRICS } },
    analyse = {
      title = "Analyse", plan = on_tracks.analyse,
      form = { yes_or_no("tempo", "Set the session's tempo", "no"), yes_or_no("markers", "Add markers for chords", "yes") },
    },
    to_midi = {
      title = "To MIDI", plan = on_tracks.to_midi,
      form = {
        { key = "instruments", caption = "Instruments (empty: by ear)", kind = "text", optional = true },
        { key = "contents", caption = "The audio holds", kind = "choice", allowed = { "by ear", "a mix", "one instrument" }, default = "by ear" },
        { key = "voices", caption = "Notes at a time", kind = "choice", allowed = { "by instrument", "one", "several" }, default = "by instrument" },
      },
    },
    lyrics = {
      title = "Lyrics to ranges", plan = on_tracks.lyrics,
      form = { LYRICS, { key = "file", caption = "or a text file", kind = "file", optional = true } },
    },
  }
end
