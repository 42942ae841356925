"""`replay` fidelity: a real order book as quotes, event by event or on a clock."""
