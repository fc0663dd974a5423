"""Lua modules; ``acebridge host install ardour`` uses some of them too. This file makes them part of the wheel."""
