"""How real models depart from the specification, as data that the simulated devices read.

Open `quirk.py` first (what a row can say), then `models.py` (the rows, each with its evidence).
`BloodPressureCuff(link, identity, quirk=MODELS["BM85"])` behaves as that model.
"""
