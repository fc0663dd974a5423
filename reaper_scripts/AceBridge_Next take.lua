-- @noindex
-- @description AceBridge: Next take
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Steps to the next take of the selected items.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("next_take")
