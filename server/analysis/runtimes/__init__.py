"""What runs a model, apart from what a model does. A runtime is `run(batch) -> ndarray`."""
