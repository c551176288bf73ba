"""Reference curves and published numbers that a report shows for comparison."""
