"""General helpers: files, parsing, hashing, environment."""
