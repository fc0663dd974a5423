-- @noindex
-- @description AceBridge: Song from regions
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Writes a song with a section for each region, one after the other.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("song")
