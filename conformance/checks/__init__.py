"""One module per part of the standard, each with a tuple of checks."""
