"""Who cares for whom, and when: `responsible.py` answers for an instant, `coverage.py` for days."""
