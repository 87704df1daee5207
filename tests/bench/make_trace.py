#!/usr/bin/env python3
"""make_trace.py OUT.pcap [MEGABYTES [SEED [FLOWS.tsv]]]: a deterministic Ethernet trace for benchmarks where no better one is at hand.

TCP downloads of random bytes behind a TLS-like record header (two thirds of the bytes), TCP answers of repetitive text,
UDP look-ups. FLOWS.tsv gets a line a conversation: what its records must say. Less varied than real traffic: ratios measured on it are for comparing two programs on one machine.
"""

import heapq
import random
import struct
import sys

START = 1_767_225_600 * 1_000_000
MSS = 1448


def ethernet(source, target, proto, payload):
    total = 20 + len(payload)
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, total, 0, 0x4000, 64, proto, 0, source, target)
    frame = b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + header + payload
    return frame + bytes(max(0, 60 - len(frame)))


def tcp(sport, dport, seq, ack, flags, data=b""):
    return struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 64000, 0, 0) + data


def session(generator, text):
    """Frames of one conversation as (microseconds since its start, frame)."""
    client = bytes([10, 20, generator.randrange(64), 1 + generator.randrange(250)])
    server = bytes([198, 51, generator.randrange(100, 116), 1 + generator.randrange(250)])
    sport = generator.randrange(1024, 65536)
    now = 0
    if generator.random() < 0.35:
        query = generator.randbytes(28)
        yield 0, ethernet(client, server, 17, struct.pack(">HHHH", sport, 53, 8 + len(query), 0) + query)
        answer = query + generator.randbytes(40)
        yield 12_000, ethernet(server, client, 17, struct.pack(">HHHH", 53, sport, 8 + len(answer), 0) + answer)
        return
    opaque = generator.random() < 0.6
    dport = 443 if opaque else 80
    cseq, sseq = generator.randrange(1 << 32), generator.randrange(1 << 32)
    yield now, ethernet(client, server, 6, tcp(sport, dport, cseq, 0, 2))
    now += 9_000
    yield now, ethernet(server, client, 6, tcp(dport, sport, sseq, cseq + 1, 18))
    cseq, sseq = cseq + 1, sseq + 1
    yield now + 100, ethernet(client, server, 6, tcp(sport, dport, cseq, sseq, 16))
    for number in range(min(4000, int(generator.paretovariate(0.8) * 3))):
        now += generator.randrange(50, 900)
        if opaque:
            data = b"\x17\x03\x03\x05\xa3" + generator.randbytes(MSS - 5)
        else:
            at = generator.randrange(len(text) - MSS)
            data = text[at:at + MSS]
        yield now, ethernet(server, client, 6, tcp(dport, sport, sseq, cseq, 24, data))
        sseq += MSS
        if number % 2:
            yield now + 40, ethernet(client, server, 6, tcp(sport, dport, cseq, sseq, 16))
    yield now + 500, ethernet(client, server, 6, tcp(sport, dport, cseq, sseq, 17))
    yield now + 900, ethernet(server, client, 6, tcp(dport, sport, sseq, cseq + 1, 17))
    yield now + 950, ethernet(client, server, 6, tcp(sport, dport, cseq + 1, sseq + 1, 16))


class Truth:
    """What went over the wire, by conversation: client is who sent the first frame."""

    def __init__(self):
        self.flows = {}

    def add(self, number, time, frame):
        proto, source, target = frame[23], frame[26:30], frame[30:34]
        sport, dport = struct.unpack(">HH", frame[34:38])
        flow = self.flows.setdefault(number, [time, time, (proto, source, sport, target, dport), [0, 0], [0, 0]])
        side = 0 if (source, sport) == flow[2][1:3] else 1
        flow[1] = time
        flow[3][side] += 1
        flow[4][side] += len(frame)

    def write(self, path):
        with open(path, "w") as out:
            print("first_ts", "last_ts", "proto", "client", "cport", "server", "sport", "c_pkts", "s_pkts", "c_wire_bytes",
                  "s_wire_bytes", sep="\t", file=out)
            for first, last, (proto, client, cport, server, sport), frames, size in self.flows.values():
                print(f"{first / 1e6:.6f}", f"{last / 1e6:.6f}", proto, ".".join(map(str, client)), cport,
                      ".".join(map(str, server)), sport, *frames, *size, sep="\t", file=out)


def main():
    if not 2 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    wanted = int(sys.argv[2] if len(sys.argv) > 2 else "512") * 1_000_000
    generator = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 7)
    words = [generator.randbytes(generator.randrange(2, 9)).hex() for _ in range(4000)]
    text = " ".join(generator.choices(words, k=60_000)).encode()
    active, written, begun, number, truth = [], 0, START, 0, Truth()
    with open(sys.argv[1], "wb") as out:
        out.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
        while written < wanted:
            begun += generator.randrange(200, 1500)
            frames = session(generator, text)
            offset, frame = next(frames)
            heapq.heappush(active, (begun + offset, number, begun, frame, frames))
            number += 1
            while active and (active[0][0] <= begun or written >= wanted):
                time, order, start, frame, frames = heapq.heappop(active)
                out.write(struct.pack("<IIII", time // 1_000_000, time % 1_000_000, len(frame), len(frame)))
                out.write(frame)
                written += 16 + len(frame)
                truth.add(order, time, frame)
                following = next(frames, None)
                if following is not None:
                    heapq.heappush(active, (start + following[0], order, start, following[1], frames))
    if len(sys.argv) > 4:
        truth.write(sys.argv[4])


main()
