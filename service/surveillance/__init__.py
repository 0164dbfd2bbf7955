"""County surveillance over counts, never over people (design law 8). Open `daily.py` first.

`series.py` says what is counted, `detectors/` notices, `release.py` decides what of a closed week
may be shown, `judge.py` puts the two together, and `daily.py` is the pass the worker makes once a
day. The statements stand in `service.store.counts`.
"""
