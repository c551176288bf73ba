"""Signatures of model files and of results: keys, OpenSSF Model Signing, in-toto attestations.

Files are read and compared; nothing is loaded, and torch is not needed.
"""
