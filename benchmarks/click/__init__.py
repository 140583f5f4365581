"""From a click to the verdict on the page: what a person waits for, and for what."""
