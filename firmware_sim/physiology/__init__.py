"""Seeded people whose blood pressure and glucose go up and down for known reasons.

Open `person.py` first (who they are), then `series.py` (what their devices would have shown); the
model of pressure is the cohort's (`firmware_sim/cohort/pressure.py`).
"""
