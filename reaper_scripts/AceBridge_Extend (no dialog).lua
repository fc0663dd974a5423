-- @noindex
-- @description AceBridge: Extend (no dialog)
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Lets the selected item go on for some bars. Asks nothing: takes what was entered last.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("extend", { silent = true })
