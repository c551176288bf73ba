"""Tests of the probes of a service."""
