-- Where audio for a request comes from: plain media files as they are, everything else as a recipe for `capture`.
--
-- A take that plays its file straight is sent as the file itself: nothing is copied, and what comes back is equal to it
-- sample for sample outside the change. All other takes are read through their audio accessor. A take's own volume, pan
-- and FX and the item's fades are left out both ways (what REAPER's accessor leaves out of a take is not documented; the
-- new take gets the same ones, see `takes`). A take of MIDI is rendered as it is heard: see `item_render`. Tracks of a mix that
-- play nothing but such files are sent as lists of them.

return function(import)
  local budget = import("budget")
  local file_passthrough = import("audio/file_passthrough")
  local item_render = import("audio/item_render")
  local needs_render = import("audio/needs_render")
  local selection = import("project/selection")
  local tracks_of = import("project/tracks")
  local M = {}

  local MOST_CHANNELS = 2
  local MAX_S = 1200 -- the longest source a task takes
  local NO_INSTRUMENT = "No instrument plays the MIDI in the selection: its render is silent. Put an instrument on its track."

  --- A take's audio from its item's start to its end. Returns { part = the request's source, captures = recipes for it,
  -- rate, frames, offset_s = where the item starts in that audio (less than a sample), beside = whether it was rendered, so
  -- that no take of the item can play it } or nil and a message. `name`: of the files that are made.
  function M.of_take(take, rate, name)
    local source = take and reaper.GetMediaItemTake_Source(take)
    if not source or reaper.GetMediaSourceType(source) == "EMPTY" then
      return nil, "The selected item holds no audio; select an item with audio or MIDI."
    end
    local item = reaper.GetMediaItemTake_Item(take)
    local length = reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
    if length > MAX_S then
      return nil, ("The item is %.0f s long; allowed: at most %d s. Split it and select the part that matters."):format(length, MAX_S)
    end
    if item_render.is_needed(take) then
      local recipe, why = item_render.recipe(take, rate, name .. ".wav")
      if not recipe then return nil, why end
      local start = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
      return {
        part = { file = recipe.file }, captures = { recipe }, rate = rate, frames = recipe.frames, offset_s = start - recipe.start,
        beside = true,
      }
    end
    local file = file_passthrough.file_of(take)
    if file and file.offset_s >= 0 and (file.offset_s + length) * file.rate <= file.frames + 0.5 then
      local first = math.floor(file.offset_s * file.rate + 1e-6)
      local last = math.min(math.ceil((file.offset_s + length) * file.rate - 1e-6), file.frames)
      return {
        part = { file = file.path, start_s = first / file.rate, end_s = last / file.rate }, captures = {},
        rate = file.rate, frames = last - first, offset_s = math.max(0, file.offset_s - first / file.rate),
      }
    end
    local channels = reaper.GetMediaSourceNumChannels(source)
    if channels > MOST_CHANNELS then -- REAPER reads all of them or none
      return nil, ("The item's file has %d channels; allowed: 1 or 2. Choose two of them in the item's properties and glue it first."):format(channels)
    end
    local recipe = M.recipe_of_take(take, rate, name .. ".wav")
    recipe.first, recipe.frames = 0, math.ceil(length * rate - 1e-6)
    return { part = { file = recipe.file }, captures = { recipe }, rate = rate, frames = recipe.frames, offset_s = 0 }
  end

  --- The recipe of a take, of which `first` and `frames` are still to be set.
  function M.recipe_of_take(take, rate, file)
    local channels = reaper.GetMediaSourceNumChannels(reaper.GetMediaItemTake_Source(take))
    local project = reaper.GetItemProjectContext(reaper.GetMediaItemTake_Item(take))
    return { project = project, take = take, rate = rate, channels = math.min(2, math.max(1, channels)), file = file }
  end

  local function contents(tracks, start, stop)
    local midi, audio, muted = false, false, false
    for _, track in ipairs(tracks) do
      for _, item in ipairs(tracks_of.items_between(track, start, stop)) do
        local take = reaper.GetActiveTake(item)
        budget.spend(7)
        if take and tracks_of.is_on_playing_lane(item) then
          if reaper.GetMediaItemInfo_Value(item, "B_MUTE") > 0 then
            muted = true
          elseif reaper.TakeIsMIDI(take) then
            midi = true
          else
            audio = true
          end
        end
      end
    end
    return midi, audio, muted
  end

  --- The tracks that are heard: those that are soloed, if any is and nobody picked some; and those that hold something, or
  -- that others send to.
  local function audible_tracks(selected, start, stop)
    local found, soloed = {}, {}
    for _, track in ipairs(selected.tracks) do
      if not tracks_of.is_free(track, start, stop) or needs_render.receives(track) then
        found[#found + 1] = track
        if tracks_of.is_soloed(track) then soloed[#soloed + 1] = track end
      end
      budget.spend(1)
    end
    return not selected.picked and #soloed > 0 and soloed or found
  end

  --- Tracks that are heard, as { read, rendered } by how they are sent, and the folder whose gain and FX are left out, because
  -- a result will lie in it. `muted`: all of them are.
  local function sort_tracks(selected, start, stop, how)
    local home = selected.anchor and reaper.GetParentTrack(selected.anchor)
    local sorted = { read = {}, rendered = {}, home = home, muted = true }
    local audible = audible_tracks(selected, start, stop)
    for _, track in ipairs(audible) do sorted.muted = sorted.muted and not tracks_of.gains(track, home) end
    for _, track in ipairs(audible) do
      local list = sorted.read
      local render = how == "auto" and needs_render.track(track, home, start, stop)
        or how == "pre" and selected.chosen and needs_render.plays_midi(track, start, stop) -- picked, so it is meant
      if render and tracks_of.gains(track, home) then
        list = sorted.rendered
      end
      list[#list + 1] = track
    end
    return sorted
  end

  local function count_things(count, what) return count == 1 and "1 " .. what .. " is" or count .. " " .. what .. "s are" end

  --- What has to be known before a selection is sent: how many tracks are rendered for it, or are not sent; nil: nothing.
  function M.notice(selected, how)
    local start, stop = selected.start, selected.stop
    if not start or how == "post" then return nil end
    local sorted = sort_tracks(selected, start, stop, how)
    if #sorted.rendered > 0 then
      local without = 0
      for _, track in ipairs(sorted.rendered) do
        if needs_render.plays_midi(track, start, stop) and not item_render.is_played(track) then without = without + 1 end
      end
      local notice = count_things(#sorted.rendered, "track") .. " rendered"
      if without == 0 then return notice end
      return notice .. (without == #sorted.rendered and ", without an instrument" or (", %d of them without an instrument"):format(without))
    end
    local silent = 0
    for _, track in ipairs(sorted.read) do
      if needs_render.plays_midi(track, start, stop) then silent = silent + 1 end
    end
    return silent > 0 and count_things(silent, "MIDI track") .. " not sent" or nil
  end

  --- As `notice`, of items that are sent one by one.
  function M.notice_of_items(items)
    local count = 0
    for _, item in ipairs(items) do
      local take = reaper.GetActiveTake(item)
      budget.spend(2)
      if take and item_render.is_needed(take) then count = count + 1 end
    end
    return count > 0 and count_things(count, "MIDI item") .. " rendered" or nil
  end

  --- The recipe of a render. `without`: tracks whose FX and fader are left out.
  local function rendering(selected, tracks, start, stop, file, without)
    local rate = selected.rate
    return {
      project = selected.project, render = true, tracks = tracks, start = start, stop = stop, rate = rate, file = file,
      frames = math.floor(stop * rate + 0.5) - math.floor(start * rate + 0.5), without = without,
    }
  end

  --- Why a mix of tracks cannot be sent, in a sentence; nil when it can be, and whether it holds audio, not MIDI only.
  function M.mix_fault(selected, start, stop, how)
    if stop - start > MAX_S then
      return ("The selection is %.0f s long; allowed: at most %d s. Select less."):format(stop - start, MAX_S)
    end
    local midi, audio, silenced = contents(selected.tracks, start, stop)
    if audio or midi and (how ~= "pre" or selected.chosen) then return nil, audio end
    return midi
      and 'The selection holds MIDI only; choose "auto" for "Send audio" in "AceBridge_Settings", or render it first.'
      or silenced and "The items in the selection are muted; unmute them first."
      or "There is no audio in the selection; select some that holds audio."
  end

  --- What tracks play between two times, mixed by their faders. `how`: `pre` reads them before their FX, as files and through
  -- accessors, `post` renders the master; `auto` renders those that would not sound the same otherwise, and reads the rest.
  -- Returns { part, captures } or nil and a message. `name`: of the files that are made.
  function M.of_mix(selected, start, stop, name, how)
    local rate = selected.rate
    local fault, audio = M.mix_fault(selected, start, stop, how)
    if fault then return nil, fault end
    local first, last = math.floor(start * rate + 0.5), math.floor(stop * rate + 0.5)
    if how == "post" then
      local file = name .. ".wav"
      return { part = { file = file }, captures = { rendering(selected, selected.picked and selected.tracks or {}, start, stop, file, {}) } }
    end
    local sorted = sort_tracks(selected, start, stop, how)
    local captures, mix = {}, {}
    local function add(track, pieces, left, right)
      if not pieces then
        local file = ("%s-%d.wav"):format(name, #captures + 1)
        captures[#captures + 1] = { project = selected.project, track = track, first = first, frames = last - first, rate = rate, channels = 2, file = file }
        pieces = { { file = file, gain = 1 } }
      end
      for _, piece in ipairs(pieces) do
        mix[#mix + 1] = {
          file = piece.file, at = piece.at or 0, first = piece.first, frames = piece.frames,
          left = left * piece.gain, right = right * piece.gain,
        }
      end
    end
    if #sorted.rendered > 0 then
      local file = name .. ".wav"
      local recipe = rendering(selected, sorted.rendered, start, stop, file, item_render.outer(selected.project, sorted.home))
      recipe.silent = not audio and NO_INSTRUMENT or nil
      if #sorted.read == 0 then return { part = { file = file }, captures = { recipe } } end
      captures[1], mix[1] = recipe, { file = file, at = 0, left = 1, right = 1 }
    end
    for _, track in ipairs(sorted.read) do
      local left, right = tracks_of.gains(track, sorted.home)
      if sorted.muted then left, right = 1, 1 end -- muted and meant all the same
      if left then add(track, file_passthrough.of_track(track, first, last, rate), left, right) end
    end
    if #mix == 0 then add(sorted.read[1], nil, 1, 1) end -- silence has to come from somewhere
    return { part = { mix = mix, frames = last - first, channels = 2 }, captures = captures }
  end

  return M
end
