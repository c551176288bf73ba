"""Bounds of margins over balls and squares: intervals, CROWN, and those of Lipschitz constants."""
