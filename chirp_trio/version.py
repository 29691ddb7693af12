"""The version of the package, from the metadata that it was installed with."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("chirp-trio")
except PackageNotFoundError:  # its folder is on Python's path, and nothing was installed
    __version__ = "unknown"
