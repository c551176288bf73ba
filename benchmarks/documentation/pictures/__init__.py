"""The pictures of the concept pages, as SVG files: drawn anew by `python -m benchmarks.documentation`."""
