"""Many thresholds over the same rows: ledgers that keep sums alone."""
