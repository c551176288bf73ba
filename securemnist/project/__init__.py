"""The user's project: its settings, its modules, and the origin of the installed package."""
