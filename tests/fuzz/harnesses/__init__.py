"""One reader each: what is done with an input, and what must hold then."""
