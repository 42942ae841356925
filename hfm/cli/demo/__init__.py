"""`hfm demo`: the same bars with a planted signal and without one, through all stages, to two verdicts.

markets.py says what is carried out, market_process.py carries it out in a process for each market, players.py starts
those and hears them, screen.py shows how far they are, command.py is the command.
"""
