"""County surveillance over counts, never over people (design law 8). Open `daily.py` first.

`series.py` counts people by township and day, `detectors/` notices, `release.py` decides what of
a closed week may be shown, and `daily.py` is the pass the worker makes once a day.
"""
