-- @noindex
-- @description AceBridge: Generate here (no dialog)
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Writes new music at the time selection, or at the edit cursor. Asks nothing: takes what was entered last.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("generate", { silent = true })
