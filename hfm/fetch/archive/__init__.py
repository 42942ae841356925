"""The archive of fetched bars: one file a month, appended to and never overwritten."""
