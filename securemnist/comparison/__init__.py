"""Comparison of two model versions: what got better or worse, by how much, and whether it is real.

Everything here works on two assessments alone and needs no torch.
"""
