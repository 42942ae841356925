"""A vendor's file as columns with known roles, in steps; what is not certain is refused.

container: the file's bytes by their magic, as text or as a table. preamble, dialect: text as columns of text, without
what is no row. header: which lines are names. roles: which column is what, by name; positions: by values, where there
is no header; candidates: which could be, for hints. numerals: text as numbers, whatever marks the decimals.
fixed_point: prices in whole units of a small scale. filenames: the symbol that a file's name says. parts, selection:
rows by symbol, and those that are asked for.
"""
