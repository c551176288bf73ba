"""Four student projects measured again, with their recipes: `nox -s sources` writes docs/sources.md."""
