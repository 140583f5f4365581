"""From a network to a registered model that is described: convert, measure, tell."""
