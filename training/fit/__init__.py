"""Training of the multi-head networks: batches, losses, a run in legs, the score that chooses."""
