"""What the daemon keeps on disk: the database file and the content-addressed audio assets."""
