"""What is kept of raw bars, what is rejected and why: prices, volumes, gaps, splits and adjustments."""
