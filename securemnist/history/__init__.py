"""History: an append-only record of assessments and benchmarks, and its trend page. Needs no torch."""
