"""Tests of the drawing page."""
