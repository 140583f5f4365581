"""HTTP: one blueprint per noun."""
