"""What the archive does, whichever door the request came through."""
