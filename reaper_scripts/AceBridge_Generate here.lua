-- @noindex
-- @description AceBridge: Generate here
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Writes new music at the time selection, or at the edit cursor.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("generate")
