"""Where in a face it was changed: maps, and the tests that one must pass to be shown."""
