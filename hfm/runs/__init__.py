"""The run directory: its stages, manifest, journal, locks and metrics; what is fresh, and what was tried before."""
