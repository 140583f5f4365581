"""From scores to the likelihood ratio of a person: fitted and measured by people, not by pictures.

`python -m training lr NAME` fits what server/analysis/likelihood.py computes with, and stores it in
the spec of NAME.
"""
