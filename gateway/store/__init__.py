"""Schema `core` in PostgreSQL: migrations, named queries, and the functions that run them.

Open `migrate.py` for the schema's runner, `core_store.py` for what the streaming core reads and
writes, `embedded.py` for the server the program starts itself. Only this package of `gateway` knows
asyncpg.
"""
