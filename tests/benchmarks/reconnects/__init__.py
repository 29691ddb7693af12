"""All clients are gone, and come back with the id of an event: see `__main__.py`."""
