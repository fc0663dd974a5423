"""Timings, by hand: ``make bench`` and its neighbours. Nothing here is a test."""
