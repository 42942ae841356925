"""Sources: each module is one place where bars or order books come from, a BarSource or BookSource of hfm.plugins.

In: a BarRequest. Out: for each symbol its raw bars (END-stamped UTC ns, float64 prices and volume), or each session's
book event by event, or why there is none. A source of bars neither grids nor cleans: holes, duplicates and off-hours
rows are the quality accounting's.
"""
