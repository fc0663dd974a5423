-- @noindex
-- @description AceBridge: Prepend (no dialog)
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Puts some bars before the selected item. Asks nothing: takes what was entered last.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("prepend", { silent = true })
