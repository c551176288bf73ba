"""The user's project: its settings and the imports from it."""
