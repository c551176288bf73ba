"""Helpers that know nothing of the field: files, parsing, hashing, environment."""
