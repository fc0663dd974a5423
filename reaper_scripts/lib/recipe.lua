-- The recipe that AceBridge writes into its files: how they were made.

return function(import)
  local file_passthrough = import("file_passthrough")
  local files = import("files")
  local M = {}

  local MARK, HEAD_BYTES = "ACEBRIDGE", 300000 -- recipes stand before the audio of a file

  --- The file that a take plays, if there is a recipe in it; else nil.
  function M.file_of(take)
    local file = take and file_passthrough.path_of(take)
    local head = file and files.read_head(file, HEAD_BYTES)
    return head and head:find(MARK, 1, true) and file or nil
  end

  return M
end
