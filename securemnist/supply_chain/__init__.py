"""Supply chain: dependencies, known vulnerabilities, manifests of weights and records of data.

Files are read and compared; nothing is imported, installed or run.
"""
