"""fetch: a source -> bars, or an order book.

In: nothing but a request (symbols, source, days or sessions, interval, calendar).
Out: fetch/bars.parquet: regular-session bars on the calendar's grid, prices in the instrument's currency, volume in
shares, `time` = the bar's close in UTC ns, `seq` = its clock slot; or fetch/book.parquet. Nothing is forward-filled.
stage: the whole. sources: where bars come from. archive, overlap, store: what a vendor's bars are kept in. layout: a
file's columns. stamps (timetext, zones), labelling, alignment: its times. sessions: calendar and grid. quality (levels,
outliers, prints by witness), splits, adjustments, gaps, summary: what is rejected, adjusted, missing, and how it is
said. books, events, ...: order books.
"""
