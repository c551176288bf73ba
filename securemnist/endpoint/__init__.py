"""Served models of other people as models under test: description, client, probe, network."""
