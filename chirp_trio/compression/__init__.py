"""Compressed event streams: pieces that stand alone, so that one of them is compressed once for everybody who gets it.

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
