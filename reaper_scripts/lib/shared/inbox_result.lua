-- What lies in an inbox: where it goes, and whether it is whole. See `inbox_folder`.

return function(import)
  local files = import("shared/files")
  local M = {}

  M.AGAIN = "Send it again with `acebridge place`."
  M.SAME_S = 1e-6

  --- What is no text counts as none.
  function M.text(value) return type(value) == "string" and value or "" end

  --- The time of the project that a placement begins at, on its sample grid; or nil, a message and a remedy. `places`: functions
  --- of project and place by kind, each of which returns a time, or nil, a message and a remedy.
  function M.time_of(places, host_name, project, wanted, rate)
    local at = type(wanted.at) == "table" and wanted.at or { kind = "cursor" }
    local find = places[at.kind]
    local time, why, remedy
    if find then time, why, remedy = find(project, at) end
    if not time or time ~= time or math.abs(time) == math.huge then
      return nil, why or ("This %s does not know the place that was asked for."):format(host_name),
        remedy or "Choose another one with --at, or update the scripts."
    end
    return math.floor(math.max(0, time) * rate + 0.5) / rate
  end

  local function is_full_path(path) return path:find("^[/\\]") or path:find("^%a:[/\\]") end

  local function is_output(output)
    return type(output) == "table" and is_full_path(M.text(output.file))
      and math.type(output.frames) and output.frames > 0 and math.type(output.sample_rate) and output.sample_rate > 0
      and math.type(output.start_frame) and type(output.role) == "string" and type(output.name) == "string"
      and (output.colour == "" or M.text(output.colour):find("^#%x%x%x%x%x%x$"))
  end

  --- The outputs of a result, each moved to where it belongs when its source begins at `at_s`; nil if it is not as it should be.
  local function move(result, at_s)
    local found = {}
    if type(result.parts) ~= "table" then return nil end
    for _, part in ipairs(result.parts) do
      if type(part) ~= "table" or type(part.takes) ~= "table" then return nil end
      for _, take in ipairs(part.takes) do
        if type(take) ~= "table" or type(take.outputs) ~= "table" then return nil end
        for _, output in ipairs(take.outputs) do
          if not is_output(output) then return nil end
          output.position_s = at_s + output.start_frame / output.sample_rate
          output.length_s = output.frames / output.sample_rate
          output.fade_in_s, output.fade_out_s = tonumber(output.fade_in_s) or 0, tonumber(output.fade_out_s) or 0
          found[#found + 1] = output
        end
      end
    end
    return #found > 0 and found or nil
  end

  --- The files of a result, as far as it is as it should be.
  function M.files(result)
    local found = {}
    for _, output in ipairs(move(result, 0) or {}) do found[#found + 1] = output.file end
    return found
  end

  --- The outputs of a result, moved to where they belong, and where the first one begins; or nil, a message and a remedy.
  function M.place(result, at_s)
    local outputs = move(result, at_s)
    if not outputs then return nil, "The result is damaged or holds no audio.", M.AGAIN end
    local first = math.huge
    for _, output in ipairs(outputs) do
      if not files.exists(output.file) then return nil, ("There is no file %s any more."):format(output.file), M.AGAIN end
      first = math.min(first, output.position_s)
    end
    if first < -M.SAME_S then
      return nil, ("It would begin %.3f s before the start of the project."):format(-first), "Choose a later place with --at."
    end
    return outputs, first
  end

  return M
end
