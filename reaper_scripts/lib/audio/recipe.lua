-- The recipe that AceBridge writes into its files: how they were made.

return function(import)
  local file_passthrough = import("audio/file_passthrough")
  local holds_recipe = import("shared/recipe_mark")
  local M = {}

  --- The file that a take plays, if there is a recipe in it; else nil.
  function M.file_of(take)
    local file = take and file_passthrough.path_of(take)
    return file and holds_recipe(file) and file or nil
  end

  return M
end
