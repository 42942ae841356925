"""fetch: a source -> bars, or an order book.

In: nothing but a request (symbols, source, days or sessions, interval, calendar).
Out: fetch/bars.parquet: regular-session bars on the calendar's grid, prices in the instrument's currency, volume in
shares, `time` = the bar's close in UTC ns, `seq` = its clock slot; or fetch/book.parquet. Nothing is forward-filled.
stage: the command. sources: where bars and books come from. archive: where a vendor's bars are kept. files: a file's
columns and times. book: events and price levels. quality: what is rejected, adjusted or missing; quality_summary: how
that is told. sessions, calendars, calendar_fit: trading sessions and their grid.
"""
