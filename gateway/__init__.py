"""The streaming core of a county and the hub of a home.

Open `pipeline.py` for the straight line a batch of readings takes, `core.py` for the process around
it, `hub.py` for the other end of the uplink, `calm.py` for how a batch is screened by columns,
`episodes.py` for how decisions become cases and alerts (`clearing.py` ends cases, `refolding.py`
mends them after a late reading) and `rehearsal.py` for readings that were recorded. Nothing here
knows a name or who answers an alert.
"""
