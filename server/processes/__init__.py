"""Processes that read what strangers wrote: what they are asked, how they start, live and end."""
