-- @noindex
-- @description AceBridge: Add layer (no dialog)
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Plays new tracks to the selection: drums, bass, strings and so on, in a folder below it. Asks nothing: takes what was entered last.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("lego", { silent = true })
