"""The spread charged around observed bars: estimators, claims, and what contradicts them."""
