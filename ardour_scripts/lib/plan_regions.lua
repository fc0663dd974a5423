-- Plans for what is there already: a region is varied, two are joined, the playlists of a track are scored.

return function(import)
  local holds_recipe = import("shared/recipe_mark")
  local on_takes = import("plan_takes")
  local plan_of = import("plan")
  local session = import("session")
  local settings = import("settings")
  local M = {}

  local JOIN_GAP_S = 10 -- the longest gap that a join closes
  local USUAL_AROUND_S, USUAL_AMOUNT = 2, 0.3 -- of a join and of a variation, where nobody says it

  --- Regions with audio that are selected, else those of the selected tracks that the selection touches: { {one, region, first,
  -- last} … }.
  local function find_regions(selected)
    local found = {}
    for _, one in ipairs(selected.tracks) do
      for _, each in ipairs(session.regions(one.track, selected.from or 0, selected.to or 0)) do
        if not next(selected.regions) or selected.regions[session.id(each.region)] then
          each.one = one
          found[#found + 1] = each
        end
      end
    end
    return found
  end

  --- The file of a region, if AceBridge made it; else nil.
  local function file_with_recipe(region)
    local path = session.file(region)
    return holds_recipe(path) and path or nil
  end

  --- The topmost region that AceBridge made, among those that are meant; or nil, a message and a remedy.
  local function find_made(selected)
    local regions, top = find_regions(selected), nil
    for _, each in ipairs(regions) do
      if file_with_recipe(each.region) and (not top or each.region:layer() >= top.region:layer()) then top = each end
    end
    if top then return top end
    if #regions == 0 then return nil, "There is no region in the selection.", "Select a region that AceBridge made." end
    return nil, "No region of the selection holds a recipe of AceBridge.", "Select one that AceBridge made, or the playlist with it."
  end

  --- Takes that are like a region that AceBridge made, as the recipe in its file says, in its place.
  function M.vary(selected, values)
    local one, channels, cure = plan_of.audio_track(selected, "with the region that is to be varied")
    if not one then return nil, channels, cure end
    local found, why, remedy = find_made(selected)
    if not found then return nil, why, remedy end
    local path, origin = file_with_recipe(found.region), found.first - session.samples(found.region:start())
    local part = {
      again = { file = path }, variation = values.amount or USUAL_AMOUNT, label = one.track:name(), position_s = origin / session.rate(),
      fields = { output = { takes = values.takes or settings.get("takes") } },
    }
    local item = {
      track = session.id(one.route), name = one.track:name(), first = origin, from = found.first, to = found.last, channels = channels,
      whole = true, gain = found.region:to_audioregion():scale_amplitude(), origins = { { file = path, origin = origin } },
    }
    return { parts = { part }, captures = {}, place = { kind = "takes", items = { item } } }
  end

  local FOLLOW = "Select two regions that follow each other, then run the action again."

  --- Two regions in a row, the earlier one first; or nil, a message and a remedy.
  local function find_pair(selected)
    local found = find_regions(selected)
    if #found ~= 2 or found[1].one ~= found[2].one then
      return nil, ("Two regions on one track are needed; %d are selected."):format(#found), FOLLOW
    end
    table.sort(found, function(a, b) return a.first < b.first end)
    local a, b = found[1], found[2]
    if b.last <= a.last or b.first <= a.first then
      return nil, "One of the regions lies inside the other.", "Trim them so that one follows the other."
    end
    local gap_s = (b.first - a.last) / session.rate()
    if gap_s > JOIN_GAP_S then
      return nil, ("The regions are %.1f s apart; allowed: at most %d s."):format(gap_s, JOIN_GAP_S), "Move them together."
    end
    return a, b
  end

  --- Two regions in a row: the music around their join is repainted, and a gap between them is filled.
  function M.join(selected, values)
    local ok, why, remedy = plan_of.check(selected)
    if not ok then return nil, why, remedy end
    local a, b, cure = find_pair(selected)
    if not a then return nil, b, cure end
    local around = math.floor((values.around or USUAL_AROUND_S) * session.rate())
    local context = math.floor(settings.get("context_s") * session.rate())
    local from, to = math.max(a.first, math.min(a.last, b.first) - around), math.min(b.last, math.max(a.last, b.first) + around)
    local first, last = math.max(a.first, from - context), math.min(b.last, to + context)
    return on_takes.plan_stretch(a.one, { first = first, last = last, sent = last, from = from, to = to }, values)
  end

  --- Every playlist of a track is scored, in the same stretch.
  function M.score(selected, values)
    local one, channels, cure = plan_of.audio_track(selected, "whose playlists are to be scored")
    if not one then return nil, channels, cure end
    local left_out = {} -- a sentence for each playlist that cannot be scored
    local place = { kind = "scores", track = session.id(one.route), playlists = {}, left_out = left_out }
    local plan = { parts = {}, captures = {}, place = place }
    for _, playlist in ipairs((session.playlists(one.track))) do
      if #session.regions_of(playlist, selected.from, selected.to) == 0 then
        left_out[#left_out + 1] = playlist:name() .. ": no audio in the selection"
      else
        local number = #plan.parts + 1
        local file, id = ("source-%d.wav"):format(number), session.id(playlist)
        plan.parts[number] = {
          task = "score", label = playlist:name(), position_s = selected.from / session.rate(), source = { file = file },
          fields = { music = plan_of.words(values, {}) },
        }
        plan.captures[number] = {
          file = file, playlist = id, first = selected.from, frames = selected.to - selected.from, channels = channels,
        }
        place.playlists[number] = id
      end
    end
    if #plan.parts == 0 then
      return nil, "No playlist of the track has audio in the selection.", "Select a stretch with music, then run the action again."
    end
    return plan
  end

  return M
end
