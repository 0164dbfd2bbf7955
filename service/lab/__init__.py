"""The lab: demo, simulated homes, published clock, bench. Alone may import firmware_sim.

`demo.py` starts everything, `timekeeper.py` publishes the time, `homes.py` is the process in which
people live, `staff.py` answers alerts while time is stepped, `bench_walk.py` measures.
"""
