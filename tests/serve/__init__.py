"""Tests of the served model."""
