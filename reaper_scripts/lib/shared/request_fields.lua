-- What requests of all hosts have in common: names of tracks, the output, the sentence of a song.

return function(import)
  local json = import("shared/json")
  local M = {}

  --- What an action makes where nobody says which tracks, and what its tracks are called together.
  M.TRACKS = { lego = "drums", complete = "drums, bass, keyboard", extract = "vocals, drums, bass" }
  M.FOLDERS = { lego = "Layers", complete = "Accompaniment", extract = "Stems" }

  --- "drums, Backing vocals" as names of tracks.
  function M.names(text)
    local found = {}
    for name in (text or ""):gmatch("[^,;]+") do
      name = name:match("^%s*(.-)%s*$"):lower():gsub("[%s%-]+", "_")
      if name ~= "" then found[#found + 1] = name end
    end
    return json.array(found)
  end

  --- The tracks that a task is to make.
  function M.tracks(task, values) return M.names(values.tracks or M.TRACKS[task]) end

  --- `usual`: how many takes where nobody says it; `rate`: of the result, nil: as its source has it. "Best of" keeps one take,
  --- unless its dialog says how many.
  function M.output(values, usual, rate)
    local takes = values.takes or (values.best_of and 1 or usual)
    local tries = values.best_of and math.max(values.best_of, takes)
    return { sample_rate = rate, takes = takes, tries = tries, seeds = values.seed and { values.seed } }
  end

  --- What changes of a cover while its arrangement stays, as the contract has it; nil: an ordinary cover.
  function M.morph(values)
    if (values.morph or "off") == "off" then return nil end
    return { mode = values.morph, caption = values.source_style, lyrics = values.source_lyrics }
  end

  --- What the setting for DCW is as a setting of the neural engine; nil: what is usual.
  function M.sampling(dcw) return dcw ~= "auto" and { dcw = dcw } or nil end

  M.USUAL_NEW_S = 30 -- how far to look ahead for new music whose length nobody says
  local MIN_NEW_S, MAX_NEW_S = 0.1, 600

  --- The length of new music: what was entered, else what is selected, `chosen_s`; nil where both are open. Or nil, a message
  --- and a remedy.
  function M.duration(values, chosen_s)
    if values.seconds then return values.seconds end
    if chosen_s and chosen_s > MAX_NEW_S then
      return nil, ("%.0f s are selected; allowed: at most %d s of new music."):format(chosen_s, MAX_NEW_S), "Select less."
    end
    return chosen_s and chosen_s >= MIN_NEW_S and chosen_s or nil
  end

  --- The parts of a song from a sentence: first an idea of it, which says what `song` lacks.
  function M.compose(values, song)
    song.fill_from = 0
    local idea = {
      task = "create_sample", label = "idea", position_s = song.position_s,
      fields = { description = values.description, instrumental = values.instrumental == "yes" or nil, seed = values.seed },
    }
    return { idea, song }
  end

  --- Whether there is a sentence; nil, a message and a remedy if not.
  function M.check_description(values)
    if values.description then return true end
    return nil, "There is no description.", 'Say what the song should be, such as "a sad waltz with strings".'
  end

  return M
end
