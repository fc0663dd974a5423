-- What all plans share: the description of the music, the output, and where a request came from.

return function(import)
  local chords = import("project/chords")
  local request_fields = import("shared/request_fields")
  local settings = import("settings")
  local source = import("audio/source")
  local source_audio = import("audio/source_audio")
  local takes = import("project/takes")
  local tempo = import("project/tempo")
  local tracks_of = import("project/tracks")
  local M = {}

  --- `free`: the engine may find out for itself what the project does not know. `is_new`: it is music without a source, whose
  --- bars begin at `start`. Chords that the project names count in its bars, so that new music has its tempo then.
  function M.music(selected, start, stop, values, free, is_new)
    local music, changes = {}, nil
    local chart, beats
    if values.chords == "yes" then chart, beats = chords.chart(selected.project, start, stop, is_new) end
    if settings.get("tempo_from") == "project" then
      music, changes = tempo.music(selected.project, start, stop, free and not (chart and is_new))
    end
    music.caption, music.lyrics = values.style, values.lyrics
    if chart then music.chords, music.timesignature = chart, beats end
    return music, changes
  end

  --- `rate`: of the result; nil: as its source has it.
  function M.output(values, rate) return request_fields.output(values, settings.get("takes"), rate) end

  function M.recipe(values, changes)
    return { values = values, caption = values.style, lyrics = values.lyrics, tempo = changes }
  end

  function M.add(list, more)
    for _, entry in ipairs(more) do list[#list + 1] = entry end
  end

  --- Whether a stretch of time is selected; nil, a message and a remedy if not.
  function M.stretch(selected)
    if not selected.start then
      return nil, "Nothing is selected.", "Make a time selection, or select items or tracks, then run the action again."
    end
    if selected.conflict then return nil, table.unpack(selected.conflict) end
    return true
  end

  --- The audio of the selected stretch and its position in seconds; or nil, a message and a remedy.
  function M.source(selected)
    local ok, why, remedy = M.stretch(selected)
    if not ok then return nil, why, remedy end
    return source_audio(selected, selected.start, selected.stop, true)
  end

  --- Whether the mix of what is selected can be sent; nil, a message and a remedy if not.
  function M.mix(selected)
    local ok, why, remedy = M.stretch(selected)
    if not ok then return nil, why, remedy end
    why = source.mix_fault(selected, selected.start, selected.stop, settings.get("capture"))
    if why then return nil, why end
    return true
  end

  --- How a language model is to plan the music first, as the contract has it; nil: not at all.
  function M.thinking(values) return values.thinking == "yes" and { plan_first = true } or nil end

  function M.label(item)
    local take = reaper.GetActiveTake(item)
    local name = take and takes.name(take) or ""
    return name ~= "" and name or tracks_of.name(reaper.GetMediaItem_Track(item))
  end

  return M
end
