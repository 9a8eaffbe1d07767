"""Super-resolution networks that spend their work on edges and texture."""

__version__ = "0.1.0"
