"""What is compressed for everybody: once while it is wanted, and no more of it is kept than is said."""

from chirp_trio.compression.shared import SharedPieces

MIB = 1024 * 1024


def halved(made):
    return SharedPieces(lambda piece: made.append(piece) or piece[::2])


def test_what_is_wanted_again_is_not_compressed_again():
    made = []
    shared = halved(made)
    often = b"often" * 1000
    for number in range(100):
        assert shared.compressed(b"%d" % number * 100_000)
        assert shared.compressed(often) == often[::2]
    assert made.count(often) == 1


def test_what_is_kept_is_bounded_however_much_there_was():
    made = []
    shared = halved(made)
    most = 0
    for number in range(400):
        shared.compressed(b"%03d" % number * (MIB // 30))
        kept = sum(len(piece) + len(coded) for some in (shared._new, shared._old) for piece, coded in some.items())
        most = max(most, kept)
    assert 4 * MIB < most < 9 * MIB
    assert len(set(made)) == len(made) == 400
