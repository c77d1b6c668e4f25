"""One module for each family of transfer syntaxes."""
