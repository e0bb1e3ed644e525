"""Writes rows [first, first + rows) of the sort benchmark, in the order in which gensort writes them.

usage: gensort.py first rows > rows.bin
       gensort.py checksum < rows.bin
"""
import sys
import zlib

A = 0x2360ED051FC65DA44385DF649FCCF645
C = 0x4A696D47726179524950202020202001


def rows(first, count):
    state = 0
    for row in range(first + count):
        state = (state * A + C) % 2**128
        if row < first:
            continue
        digits = "%032X" % state
        yield (
            bytes.fromhex(digits[:20])
            + b"\x00\x11"
            + b"%032X" % row
            + b"\x88\x99\xaa\xbb"
            + "".join(digit * 4 for digit in digits[20:]).encode()
            + b"\xcc\xdd\xee\xff"
        )


if sys.argv[1] == "checksum":
    data = sys.stdin.buffer.read()
    print("%x" % sum(zlib.crc32(data[at : at + 100]) for at in range(0, len(data), 100)))
else:
    sys.stdout.buffer.writelines(rows(int(sys.argv[1]), int(sys.argv[2])))
