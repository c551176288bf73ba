"""Security test suites for image classifiers, driven by pytest."""

__version__ = "0.1.0"
