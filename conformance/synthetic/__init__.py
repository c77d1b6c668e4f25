"""The synthetic instances that checks store and ask for again."""
