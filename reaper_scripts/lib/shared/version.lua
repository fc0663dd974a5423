-- The version of these scripts, and which commands it works with.

return function()
  local M = {}

  --- The one place that says it. The headers of the packages and the wheel have the same (tests/hosts/reaper/test_reapack.py).
  M.SCRIPTS = "0.1.0"

  local function numbers(text)
    local major, minor = tostring(text or ""):match("^(%d+)%.(%d+)")
    return tonumber(major), tonumber(minor)
  end

  --- What two versions are to each other: "same" (they work together), "older" or "newer" (`other` does not work with these
  --- scripts, and is that), or nil where one is no version. Before 1.0 a new minor version may change anything.
  function M.relation(other)
    local major, minor = numbers(M.SCRIPTS)
    local other_major, other_minor = numbers(other)
    if not major or not other_major then return nil end
    if other_major == major and (major > 0 or other_minor == minor) then return "same" end
    local is_older = other_major < major or (other_major == major and other_minor < minor)
    return is_older and "older" or "newer"
  end

  local REMEDIES = {
    older = 'Update the command: "AceBridge_Doctor" offers to install the one that fits, unless "Path of acebridge" is set.',
    newer = "Update the scripts: synchronise ReaPack, or copy the folder reaper_scripts of that version.",
  }

  --- A sentence and a remedy when a command of this version cannot work with these scripts, else nil.
  function M.clash(command)
    local relation = M.relation(command)
    if not REMEDIES[relation] then return nil end
    local side = relation == "older" and "command" or "scripts"
    return ("The scripts are %s, the command is %s: update the %s."):format(M.SCRIPTS, command, side), REMEDIES[relation]
  end

  return M
end
