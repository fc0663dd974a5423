"""The programs that are measured. Each file is run by `tests.bench.full.launch` and has a class ``Way``.

Its methods are orders: generators that yield the name of each part when it ends. They have no clocks.
"""
