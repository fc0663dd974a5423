"""Durable jobs: the journal in SQLite, the worker processes that run engines, and the scheduler between them."""
