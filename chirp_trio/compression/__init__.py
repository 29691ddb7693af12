"""Compressed event streams. Each piece can be read without the others, so it is compressed once for all clients.

Sans-IO, as `wire` is: bytes in, bytes out.
"""

from .codings import Coding, GzipCoding, ZstandardCoding
from .decompression import DecompressionError, Decompressor
from .dictionary import CompressionDictionary, DictionaryCoding
from .negotiation import Compress, check_compress, choose_coding

__all__ = [
    "Coding",
    "Compress",
    "CompressionDictionary",
    "DecompressionError",
    "Decompressor",
    "DictionaryCoding",
    "GzipCoding",
    "ZstandardCoding",
    "check_compress",
    "choose_coding",
]
