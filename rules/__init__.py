"""The words, the multi-point rule engine and the rule packs: values in, decisions out.

Open `vocabulary.py` first (the nouns every package shares), then `engine.py`. Nothing here reads a
clock, a file other than a pack handed to it, a socket or a database.
"""
