"""Sources: each module is one place where bars come from, a BarSource of hfm.plugins.

In: a BarRequest. Out: for each symbol its raw bars (END-stamped UTC ns, float64 prices and volume) or why
there are none. A source neither grids nor cleans: holes, duplicates and off-hours rows are the quality
accounting's.
"""
