"""What security rests on and a test can try without a county: seals, data keys, second proofs.

Open `chain.py` first; the doors themselves are `service/doors`.
"""
