"""The LSTM's training step on the processor, without autograd: forward pass, gradient, AdamW."""
