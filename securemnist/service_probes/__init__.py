"""Probes of a service: one file a control, each with requests and what has to come back."""
