-- @noindex
-- @description AceBridge: Another take
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Makes another take of the stretch that the selected item's active take repainted, with a new seed.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("another_take")
