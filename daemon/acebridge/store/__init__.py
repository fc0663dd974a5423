"""The daemon's storage: the database file and the content-addressed audio assets."""
