"""`bars` fidelity: quotes, order flow and an oracle around observed or invented bars."""
