"""History: an append-only record of assessments and benchmarks, and a trend page. Needs no torch."""
