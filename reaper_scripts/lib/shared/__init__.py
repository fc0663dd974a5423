"""Lua modules of the scripts for REAPER and for Ardour. This file makes them part of the wheel."""
