"""County surveillance over counts, never over people (design law 8). Open `daily.py` first.

Counts: `indicators.py` says what is counted, `areas.py` where, `counts.py` and `home_cells.py` keep
it with every revision, `reports.py` takes other institutions' counts in. `daily.py` counts anew
each night. Release: `release.py` decides what of a closed week may be shown, `judge.py` puts it
together.
Signals: `detectors/` notice, `fusion.py` and `scan.py` join places and sources, each morning
`daily_signals.py` forms signals, `workflow.py` is what becomes of them, `showing.py` who sees what.
Homes and villages are tasks: `clusters.py`.
"""
