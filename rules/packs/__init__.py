"""The rule packs that come with the program: YAML, with their worked cases beside them."""
