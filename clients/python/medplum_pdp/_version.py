"""The version of the project, and so of this package."""

__version__ = "0.1.0"
