"""The apps under test. Each answers `/firehose`, `/idle` and, for some, `/fan-out`, `/saturated/N` and `/singly/N`."""
