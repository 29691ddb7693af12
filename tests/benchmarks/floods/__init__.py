"""Hostile load beside honest streams, on our server, on granian and on nginx: see `measure.py`."""
