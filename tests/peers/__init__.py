"""What README.md says of chirp_trio's peers, tried again with those that are installed: `make peers`."""
