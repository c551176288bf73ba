"""Tests of static analysis."""
