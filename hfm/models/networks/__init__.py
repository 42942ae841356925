"""Networks in torch: layers, losses, the trainer, and the forecasters that wrap them."""
