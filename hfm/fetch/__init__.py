"""fetch: a source -> bars.

In: nothing but a request (symbols, source, days or sessions, interval, calendar).
Out: fetch/bars.parquet: regular-session bars on the calendar's grid, prices in the instrument's currency,
volume in shares, `time` = the bar's close in UTC ns, `seq` = its clock slot. Nothing is forward-filled.
sessions: calendar and grid. quality: what is rejected, what is missing. sources: where bars come from.
"""
