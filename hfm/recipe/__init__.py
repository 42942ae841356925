"""The original one-file recipe, kept as a demonstration: its spread, its network, and why its figures do not hold."""
