"""Schemas `care` and `cdc` in PostgreSQL: people, contracts, alert lives, deliveries, counts.

Open `care_store.py` for the one object that the rest of `service` holds, `records.py` for what it
returns, and the `.sql` files for the statements. Only this package of `service` knows asyncpg.
"""
