"""Boosted trees, fitted by scikit-learn and summed by a kernel."""
