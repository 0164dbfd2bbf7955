"""The doors: every route with who may use it, what a refusal leaves, and what the record proves.

Open `doors.py` first; the threat model and its tests stand in `docs/security.md`.
"""
