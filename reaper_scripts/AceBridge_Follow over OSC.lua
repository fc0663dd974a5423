-- @noindex
-- @description AceBridge: Follow over OSC
-- @version 0.1.0
-- @author The AceBridge authors
-- @about
--   Reports the time selection or the loop, the tempo and the selected item to `acebridge osc follow reaper`, so that a
--   tablet can repaint them. Run it again to end it.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("follow")
