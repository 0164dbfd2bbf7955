"""The doors as the running service keeps them: who may use each, refusals on record, seals.

Open `doors.py` first; what is pure (the chain of seals, the data keys, second proofs) lies in
`service/security`. The threat model and its tests stand in `docs/security.md`.
"""
