"""Tests of the static gate."""
