-- @noindex
-- @description AceBridge: Song from regions (no dialog)
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Writes a song with a section for each region. Asks nothing: takes what was entered last.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("song", { silent = true })
