#!/usr/bin/env python3
"""make_flood.py OUT.pcap syns|datagrams [FRAMES [SEED]]: a flood from random sources to one port, a million frames a second.

SYNs without options, or UDP datagrams of 18 bytes without a checksum; 60 bytes each, checksums right. Default: 10,000,000 frames.
"""

import array
import operator
import random
import struct
import sys

START = 1_767_225_600
GAP_NS = 1000
CHUNK = 10_000  # frames; a whole number of them is a second
RECORD, LINK, BYTES = 16, 14, 60
TARGET, PORT = bytes([192, 0, 2, 1]), 80
IP = RECORD + LINK
TRANSPORT = IP + 20


def words_sum(data):
    return sum(struct.unpack(f">{len(data) // 2}H", data))


def balancing(base, *columns):
    """The word that makes each sum of 16-bit words 0 in ones' complement, where the checksum is 0."""
    sums = columns[0]
    for column in columns[1:]:
        sums = map(operator.add, sums, column)
    return array.array("H", [-(base + value) % 0xFFFF for value in sums])


def put(chunk, at, words):
    """Column of big-endian words at byte `at` of each record."""
    data = words.tobytes()  # the machine's order: little endian
    chunk[at::RECORD + BYTES], chunk[at + 1::RECORD + BYTES] = data[1::2], data[0::2]


def random_words(generator, low=0):
    words = array.array("H", generator.randbytes(2 * CHUNK))
    return array.array("H", [low + word % (0x10000 - low) for word in words]) if low else words


def template(tcp):
    ip_bytes = 40 if tcp else 46
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, ip_bytes, 0, 0, 64, 6 if tcp else 17, 0, bytes(4), TARGET)
    transport = (struct.pack(">HHIIBBHHH", 0, PORT, 0, 0, 0x50, 2, 8192, 0, 0) if tcp else struct.pack(">HHHH", 0, PORT, 26, 0))
    frame = b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + ip + transport
    pseudo = words_sum(TARGET) + 6 + 20 + words_sum(transport)
    return struct.pack("<IIII", START, 0, BYTES, BYTES) + frame + bytes(BYTES - len(frame)), words_sum(ip), pseudo


def main():
    if len(sys.argv) < 3 or sys.argv[2] not in ("syns", "datagrams"):
        sys.exit(__doc__)
    tcp = sys.argv[2] == "syns"
    frames = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000_000
    generator = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    record, ip_sum, pseudo_sum = template(tcp)
    with open(sys.argv[1], "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1))
        for first in range(0, frames, CHUNK):
            chunk = bytearray(record * CHUNK)
            seconds, nanoseconds = divmod(first * GAP_NS, 1_000_000_000)
            chunk[0::len(record)] = bytes([(START + seconds) & 0xFF]) * CHUNK
            chunk[1::len(record)] = bytes([(START + seconds) >> 8 & 0xFF]) * CHUNK
            times = array.array("I", range(nanoseconds, nanoseconds + CHUNK * GAP_NS, GAP_NS)).tobytes()
            for byte in range(4):
                chunk[4 + byte::len(record)] = times[byte::4]
            high, low, port = random_words(generator, 0x0B00), random_words(generator), random_words(generator, 1024)
            put(chunk, IP + 12, high)
            put(chunk, IP + 14, low)
            put(chunk, IP + 4, balancing(ip_sum, high, low))
            put(chunk, TRANSPORT, port)
            if tcp:
                number = random_words(generator)
                put(chunk, TRANSPORT + 4, number)
                put(chunk, TRANSPORT + 6, balancing(pseudo_sum, high, low, port, number))
            out.write(chunk[:min(CHUNK, frames - first) * len(record)])


main()
