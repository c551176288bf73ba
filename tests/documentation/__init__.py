"""Tests of the documentation: its site, its generated pages and its executed pages."""
