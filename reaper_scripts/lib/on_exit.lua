-- What to do when the script ends, however it does. One `atexit` for all: whether REAPER keeps several is not documented.

return function()
  local M = {}
  local list

  function M.add(clean_up)
    if not list then
      list = {}
      reaper.atexit(function()
        for i = #list, 1, -1 do pcall(list[i]) end
      end)
    end
    list[#list + 1] = clean_up
  end

  return M
end
