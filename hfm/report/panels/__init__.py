"""Panels: each draws one picture on the axes that it is given, and says in words what it shows.

In: Evidence (hfm.report.evidence) and an Ink. Out: a Caption, the text under the picture and the alternative text.
Returns are drawn in %, spreads and edges in bp, time of day on the exchange's clock. catalogue.PANELS lists them in the
order of the page.
"""
