"""Files of other people: triage without running them, and the import of their weights."""
