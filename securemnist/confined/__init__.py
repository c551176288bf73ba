"""The process that reads files of other people: its limits, and what comes back from it."""
