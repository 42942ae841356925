"""Plug-ins that look ahead and honest ones: how many of each are named."""
