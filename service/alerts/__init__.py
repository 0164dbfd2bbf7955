"""An alert's life: who is told, when the next one is told, and who answered. Pure functions.

Open `lifecycle.py` for the states, `routing.py` for who, `escalation.py` for when.
"""
