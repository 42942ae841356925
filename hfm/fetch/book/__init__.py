"""Order books as vendors write them, as events and price levels of one (session, symbol)."""
