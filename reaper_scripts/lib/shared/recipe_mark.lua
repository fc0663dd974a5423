-- Whether a file holds the recipe that AceBridge writes into its files.

return function(import)
  local files = import("shared/files")
  local MARK, HEAD_BYTES = "ACEBRIDGE", 300000 -- recipes stand before the audio of a file

  return function(path)
    local head = files.read_head(path, HEAD_BYTES)
    return head ~= nil and head:find(MARK, 1, true) ~= nil
  end
end
