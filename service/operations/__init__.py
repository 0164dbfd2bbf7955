"""Is anything blind right now? Open `judge.py` (pure) first, then `watch.py`, which asks."""
