"""Reference curves and published numbers that a report shows beside the subject."""
