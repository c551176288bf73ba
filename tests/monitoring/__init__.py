"""Tests of securemnist.monitoring."""
