-- The actions: what each is called, what its dialog asks and what it plans; `sends_mix`: what it
-- sends is the mix of tracks. One line of this table and one file beside
-- lib/ make an action; `silent` ones have a second file that asks nothing and takes what was entered last.

return function(import)
  local listening = import("plan_listening")
  local on_takes = import("plan_takes")
  local on_tracks = import("plan_tracks")

  local STYLE = { key = "style", caption = "Style (instruments and mood)", kind = "text", optional = true }
  local LYRICS = { key = "lyrics", caption = "Lyrics ( / between) or item / project / file", kind = "text", optional = true }
  local TAKES = { key = "takes", caption = "Takes (1 to 8)", kind = "integer", allowed = { 1, 8 }, optional = true }
  local SEED = { key = "seed", caption = "Seed (empty: a new one)", kind = "integer", allowed = { 0, 4294967295 }, optional = true }
  local BARS = { key = "bars", caption = "Bars (1 to 64)", kind = "integer", allowed = { 1, 64 }, default = 8 }
  local function tracks(default)
    return { key = "tracks", caption = "Tracks (commas between)", kind = "text", default = default }
  end

  return {
    repaint = {
      title = "Repaint time selection", plan = on_takes.repaint,
      form = {
        STYLE, LYRICS, TAKES, SEED,
        { key = "mode", caption = "Change", kind = "choice", allowed = { "conservative", "balanced", "aggressive" }, default = "balanced" },
        { key = "strength", caption = "Strength when balanced (0 to 1)", kind = "number", allowed = { 0, 1 }, optional = true },
        { key = "loudness", caption = "As loud as", kind = "choice", allowed = { "region", "context", "off" }, default = "region" },
      },
    },
    cover = {
      title = "Cover", sends_mix = true, plan = on_tracks.cover,
      form = { STYLE, LYRICS, { key = "strength", caption = "Closeness to the source (0 to 1)", kind = "number", allowed = { 0, 1 }, optional = true }, TAKES, SEED },
    },
    lego = { title = "Add layer", sends_mix = true, plan = on_tracks.lego, form = { tracks("drums"), STYLE, LYRICS, TAKES, SEED } },
    complete = { title = "Complete", sends_mix = true, plan = on_tracks.complete, form = { tracks("drums, bass, keyboard"), STYLE, LYRICS, TAKES, SEED } },
    extract = { title = "Extract stems", sends_mix = true, plan = on_tracks.extract, form = { tracks("vocals, drums, bass") } },
    generate = {
      title = "Generate here", plan = on_tracks.generate,
      form = { STYLE, LYRICS, { key = "seconds", caption = "Seconds (empty: as selected)", kind = "time", allowed = { 0.1, 600 }, optional = true }, TAKES, SEED },
    },
    compose = {
      title = "Compose from a description", plan = on_tracks.compose,
      form = {
        { key = "description", caption = "Description, in a sentence", kind = "text", optional = true },
        { key = "instrumental", caption = "Instrumental", kind = "choice", allowed = { "no", "yes" }, default = "no" },
        { key = "seconds", caption = "Seconds (empty: as it needs)", kind = "time", allowed = { 0.1, 600 }, optional = true },
        TAKES, SEED,
      },
    },
    extend = { title = "Extend", plan = on_takes.extend, form = { BARS, STYLE, LYRICS, TAKES, SEED } },
    prepend = { title = "Prepend", plan = on_takes.prepend, form = { BARS, STYLE, LYRICS, TAKES, SEED } },
    join = {
      title = "Smooth the join of two items", plan = on_takes.join,
      form = { { key = "around", caption = "Seconds on each side (0.1 to 30)", kind = "time", allowed = { 0.1, 30 }, default = 2 }, STYLE, TAKES, SEED },
    },
    vary_take = {
      title = "Vary this take", plan = on_takes.vary,
      form = { { key = "amount", caption = "How far from it (0.01 to 1)", kind = "number", allowed = { 0.01, 1 }, default = 0.3 }, TAKES },
    },
    analyse = { title = "Analyse", sends_mix = true, plan = listening.analyse, form = {} },
    lyrics_regions = { title = "Lyrics to regions", sends_mix = true, plan = listening.lyrics_regions, form = {} },
    score = { title = "Score takes", plan = on_takes.score, form = {} },
  }
end
