"""Scan of a network for backdoors without a known trigger."""
