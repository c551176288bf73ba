"""Tests of randomised smoothing."""
