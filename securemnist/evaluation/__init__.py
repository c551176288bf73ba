"""Evaluation: the model contract, which digits are measured, and how attacks are refereed."""
