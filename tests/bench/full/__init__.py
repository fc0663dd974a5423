"""The neural engine at full size, beside diffusers and the first version: ``make bench-neural FULL=DIR``.

`ways` are scripts, one for each program that is measured; `launch` runs one in a process of its own, in its own environment;
`turns` gives orders to such processes; `rows` says what is measured and with which goals; `table` prints it.
"""
