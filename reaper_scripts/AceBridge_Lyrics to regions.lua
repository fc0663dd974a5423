-- @noindex
-- @description AceBridge: Lyrics to regions
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Times lyrics against the selection and makes a region of each line.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("lyrics_regions")
