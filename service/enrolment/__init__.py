"""How hubs and devices get in and out: `desk.py` answers, `keeper.py` has the broker follow."""
