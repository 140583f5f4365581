"""Networks, their weights and the facts about them. Imports nothing else of this project."""
