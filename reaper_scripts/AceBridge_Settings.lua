-- @noindex
-- @description AceBridge: Settings
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Engine, context, audio with or without FX, takes or lanes, format of the media.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("settings")
