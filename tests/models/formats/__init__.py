"""Models in files of other frameworks."""
