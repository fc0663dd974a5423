"""What runs inside Ardour, in Lua; ``acebridge host install ardour`` puts it there. This file makes it part of the wheel."""
