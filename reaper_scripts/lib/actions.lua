-- The actions: what each is called, what its dialog and the panel ask, and what it plans; `sends_mix`: what it sends is the
-- mix of tracks; `sends`: which of the selection's items it sends. One line of this table and one file beside lib/ make an
-- action; `silent` ones have a second file that asks nothing and takes what was entered last. `check`: says as `plan` does
-- whether it can be done now, without a question and without a look into media files; without one the plan itself says it.
--
-- `gives`: what comes of it, in a sentence.
--
-- A field is one of `form`. The panel calls it `label`, or its caption without what is in brackets; `lines`: how many it has
-- room for; `hint` stands in it while it is empty, `unset` on a slider that nobody has moved; `more`: it is asked for under "More".

return function(import)
  local listening = import("plan/listening")
  local midi_notes = import("audio/midi_notes")
  local plan_of = import("plan/common")
  local on_takes = import("plan/takes")
  local on_tracks = import("plan/tracks")
  local song = import("plan/song")

  local STYLE = { key = "style", caption = "Style (instruments and mood)", kind = "text", optional = true, hint = "instruments and mood" }
  local LYRICS = {
    key = "lyrics", caption = "Lyrics ( / between) or item / project / file", label = "Lyrics", kind = "text", optional = true, lines = 5,
    hint = "empty: without words",
  }
  local TAKES = { key = "takes", caption = "Takes (1 to 8)", kind = "integer", allowed = { 1, 8 }, optional = true }
  local BEST = { key = "best_of", caption = "Best of (2 to 64; keeps the best)", kind = "integer", allowed = { 2, 64 }, optional = true, unset = "off" }
  local LAYER_BEST = {
    key = "best_of", caption = "Best of (1 to 64; empty: up to 3 by fit)", label = "Best of", kind = "integer", allowed = { 1, 64 },
    optional = true, unset = "up to 3",
  }
  local SEED = { key = "seed", caption = "Seed (empty: a new one)", kind = "integer", allowed = { 0, 4294967295 }, optional = true }
  local THINKING = {
    key = "thinking", caption = "Plan it first (neural engine)", kind = "choice", allowed = { "no", "yes" }, default = "no",
    more = true,
  }
  local CHORDS = {
    key = "chords", caption = "Chords of markers and regions (if any)", label = "Chords of markers", kind = "choice",
    allowed = { "yes", "no" }, default = "yes", more = true,
  }
  local BARS = { key = "bars", caption = "Bars (1 to 64)", kind = "integer", allowed = { 1, 64 }, default = 8 }
  local function tracks(default)
    return { key = "tracks", caption = "Tracks (commas between)", label = "Tracks", kind = "text", default = default, hint = "commas between" }
  end

  return {
    repaint = {
      title = "Repaint time selection", sends = "items", gives = "A new take on the item; the old one stays.", plan = on_takes.repaint,
      form = {
        STYLE, LYRICS, TAKES, BEST, SEED,
        { key = "mode", caption = "Change", kind = "choice", allowed = { "conservative", "balanced", "aggressive" }, default = "balanced", more = true },
        { key = "strength", caption = "Strength when balanced (0 to 1)", label = "Strength", kind = "number", allowed = { 0, 1 }, optional = true },
        { key = "loudness", caption = "As loud as", kind = "choice", allowed = { "region", "context", "off" }, default = "region", more = true },
        CHORDS,
      },
    },
    cover = {
      title = "Cover", gives = "The music in another style on a new track.", sends_mix = true, check = plan_of.mix, plan = on_tracks.cover,
      form = {
        STYLE, LYRICS, { key = "strength", caption = "Closeness to the source (0 to 1)", label = "Closeness", kind = "number", allowed = { 0, 1 }, optional = true },
        TAKES, BEST, SEED,
        { key = "morph", caption = "Morph (keeps the arrangement)", kind = "choice", allowed = { "off", "words", "style", "all" }, default = "off", more = true },
        { key = "source_style", caption = "Morph from style (empty: the new one)", label = "Style before", kind = "text", optional = true, hint = "of a morph; empty: the new style", more = true },
        {
          key = "source_lyrics", caption = "Morph from lyrics or item / project / file", label = "Lyrics before", kind = "text", optional = true, lines = 3,
          hint = "of a morph; empty: the new lyrics", more = true,
        },
        CHORDS,
      },
    },
    lego = {
      title = "Add layer", gives = "A folder below with a track for each layer.",
      sends_mix = true, check = plan_of.mix, plan = on_tracks.lego,
      form = { tracks("drums"), STYLE, LYRICS, TAKES, LAYER_BEST, SEED, THINKING, CHORDS },
    },
    complete = {
      title = "Complete", gives = "A folder below with an accompaniment.",
      sends_mix = true, check = plan_of.mix, plan = on_tracks.complete,
      form = { tracks("drums, bass, keyboard"), STYLE, LYRICS, TAKES, LAYER_BEST, SEED, THINKING, CHORDS },
    },
    extract = {
      title = "Extract stems", gives = "A folder below with a track for each stem.",
      sends_mix = true, check = plan_of.mix, plan = on_tracks.extract,
      form = { tracks("vocals, drums, bass") },
    },
    generate = {
      title = "Generate here", gives = "New music on the selected track if it is free there, else on a new one; selected MIDI is followed.",
      notice = midi_notes.notice, plan = on_tracks.generate,
      form = {
        STYLE, LYRICS, { key = "seconds", caption = "Seconds (empty: as selected)", kind = "time", allowed = { 0.1, 600 }, optional = true },
        TAKES, BEST, SEED, THINKING, CHORDS,
      },
    },
    compose = {
      title = "Compose from a description", gives = "A song on a new track.", plan = on_tracks.compose,
      form = {
        { key = "description", caption = "Description, in a sentence", kind = "text", optional = true, lines = 2 },
        { key = "instrumental", caption = "Instrumental", kind = "choice", allowed = { "no", "yes" }, default = "no" },
        { key = "seconds", caption = "Seconds (empty: as it needs)", kind = "time", allowed = { 0.1, 600 }, optional = true },
        TAKES, BEST, SEED, THINKING, CHORDS,
      },
    },
    song = {
      title = "Song from regions", gives = "A song on a new track, with an item for each region.", plan = song.song,
      form = { STYLE, LYRICS, TAKES, SEED },
    },
    extend = {
      title = "Extend", gives = "A new take with more bars; the item grows.",
      sends = "selected_items", plan = on_takes.extend,
      form = { BARS, STYLE, LYRICS, TAKES, BEST, SEED },
    },
    prepend = {
      title = "Prepend", gives = "A new take with more bars before it; the item grows.",
      sends = "selected_items", plan = on_takes.prepend,
      form = { BARS, STYLE, LYRICS, TAKES, BEST, SEED },
    },
    join = {
      title = "Smooth the join of two items", gives = "A new take on both items.", sends = "selected_items", plan = on_takes.join,
      form = { { key = "around", caption = "Seconds on each side (0.1 to 30)", kind = "time", allowed = { 0.1, 30 }, default = 2 }, STYLE, TAKES, BEST, SEED },
    },
    analyse = {
      title = "Analyse", gives = "Tempo, meter, key and chords.",
      sends_mix = true, check = plan_of.mix, plan = listening.analyse,
      form = {},
    },
    lyrics_regions = {
      title = "Lyrics to regions", gives = "A region for each section and each line.",
      sends_mix = true, check = plan_of.mix, plan = listening.lyrics_regions,
      form = {},
    },
    to_midi = {
      title = "To MIDI", gives = "The notes as MIDI items on new tracks below.",
      sends_mix = true, check = plan_of.mix, plan = listening.to_midi,
      form = {
        { key = "instruments", caption = "Instruments (empty: by ear)", kind = "text", optional = true, hint = "bass, drums …; empty: by ear" },
        { key = "contents", caption = "The audio holds", kind = "choice", allowed = { "by ear", "a mix", "one instrument" }, default = "by ear" },
        { key = "voices", caption = "Notes at a time", kind = "choice", allowed = { "by instrument", "one", "several" }, default = "by instrument" },
      },
    },
    score = {
      title = "Score takes", gives = "Scores on the takes; the best one becomes active.",
      sends = "selected_items", plan = on_takes.score,
      form = {},
    },
    vary_take = {
      title = "Vary this take", gives = "New takes that are like this one.", plan = on_takes.vary,
      form = { { key = "amount", caption = "How far from it (0.01 to 1)", label = "Amount", kind = "number", allowed = { 0.01, 1 }, default = 0.3 }, TAKES },
    },
  }
end
