"""An index in one SQLite file, and the tombstones in another."""
