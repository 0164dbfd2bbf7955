"""Detectors over series of counts, each a pure function in a file of its own. Open `ears.py`."""
