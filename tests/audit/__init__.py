"""Tests of securemnist.audit."""
