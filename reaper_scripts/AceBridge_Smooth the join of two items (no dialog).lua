-- @noindex
-- @description AceBridge: Smooth the join of two items (no dialog)
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Repaints the music around the join of two items, so that one leads into the other. Asks nothing: takes what was entered last.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("join", { silent = true })
