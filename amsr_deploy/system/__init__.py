"""The machine: its processor and its memory."""
