"""Values of the archive: standard library only, frozen, no input or output."""
