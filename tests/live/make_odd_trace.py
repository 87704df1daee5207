#!/usr/bin/env python3
"""make_odd_trace.py OUT.pcap SEED: what does not fit the five-tuple: fragments of both families, in and out of order, ICMP
errors about other sessions, tunnels (VXLAN, GRE, IP in IP, their packets in fragments), VLAN and QinQ tags that come and go, ARP,
LLC, unknown protocols. 1,000 conversations.
"""

import random
import struct
import sys

MACS = bytes.fromhex("020000000001020000000002")


def ipv4(source, target, protocol, payload, ident=1, offset=0, more=False):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, (0x2000 if more else 0) | offset // 8, 64, protocol,
                       0, source, target) + payload


def ipv6(source, target, protocol, payload):
    return struct.pack(">IHBB16s16s", 0x60000000, len(payload), protocol, 64, source, target) + payload


def udp(source, target, payload):
    return struct.pack(">HHHH", source, target, 8 + len(payload), 0) + payload


def fragments(generator, make, payload):
    """make(offset, more, piece) of each piece; sometimes the last one comes first."""
    cut = 8 * generator.randrange(1, len(payload) // 8)
    pieces = [make(0, True, payload[:cut]), make(cut, False, payload[cut:])]
    return pieces if generator.random() < 0.7 else pieces[::-1]


def tunnelled(generator, number, client, server, content):
    """Requests and answers, both ways between the two ends of one tunnel."""
    near, far = bytes([10, 200, 0, number % 7]), bytes([10, 200, 1, number % 3])
    vxlan = struct.pack(">II", 0x08000000, number % 4 << 8)
    protocol, head = ((17, vxlan + MACS + b"\x08\0"), (47, struct.pack(">HH", 0, 0x0800)), (4, b""))[number % 3]
    for turn in range(4):
        ends, outside = ((client, server), (near, far)) if turn % 2 == 0 else ((server, client), (far, near))
        ports = (40000, 53) if turn % 2 == 0 else (53, 40000)
        packet = head + ipv4(*ends, 17, udp(*ports, content), number * 4 + turn)
        carried = udp(50000 + number % 8, 4789, packet) if protocol == 17 else packet
        if turn == 2 and len(carried) > 200:
            make = lambda offset, more, piece: ipv4(*outside, protocol, piece, number * 4 + 2, offset, more)  # noqa: E731,B023
            yield from ((0x0800, piece) for piece in fragments(generator, make, carried))
        else:
            yield 0x0800, ipv4(*outside, protocol, carried, number * 4 + turn)


def conversation(generator, number):
    """(ethertype, packet) of one conversation."""
    client, server = bytes([10, 1, number >> 8, number & 255]), bytes([192, 0, 2, 1 + number % 9])
    client6, server6 = (b"\xfd" + bytes(11) + address for address in (client, server))
    port, content = generator.randrange(1024, 65536), generator.randbytes(generator.randrange(64, 1200))
    asked = udp(port, 53, content)
    packet = ipv4(client, server, 17, asked)
    kind = number % 7
    if kind == 0:
        yield from ((0x0800, piece) for piece in fragments(
            generator, lambda offset, more, piece: ipv4(client, server, 17, piece, number, offset, more), asked))
    elif kind == 1:
        header = lambda offset, more, piece: ipv6(  # noqa: E731
            client6, server6, 44, struct.pack(">BBHI", 17, 0, offset | more, number) + piece)
        yield from ((0x86DD, piece) for piece in fragments(generator, header, asked))
    elif kind == 2:
        yield 0x0800, packet
        router = bytes([10, 9, 9, number % 5])
        yield 0x0800, ipv4(router, client, 1, struct.pack(">BBHI", 3, generator.randrange(4), 0, 0) + packet[:60])
    elif kind == 3:
        yield 0x86DD, ipv6(client6, server6, 17, asked)
        yield 0x86DD, ipv6(server6, client6, 58, struct.pack(">BBHI", 1, 4, 0, 0) + ipv6(client6, server6, 17, asked)[:200])
    elif kind == 4:
        for turn in range(3):
            yield 0x0800, ipv4(client, server, 1, struct.pack(">BBHHH", 8, 0, 0, number, turn) + content[:56])
            yield 0x0800, ipv4(server, client, 1, struct.pack(">BBHHH", 0, 0, 0, number, turn) + content[:56])
    elif kind == 5:
        yield from tunnelled(generator, number, client, server, content)
    else:
        yield 0x0800, packet
        yield 0x0800, ipv4(client, server, generator.choice((47, 50, 89, 132, 253)), content[:100])
        yield 0x0806, struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + MACS[:6] + client + bytes(6) + server
        yield len(content[:40]), content[:40]


def main():
    generator = random.Random(int(sys.argv[2]))
    tags = [b"", struct.pack(">HH", 0x8100, 100), struct.pack(">HHHH", 0x88A8, 7, 0x8100, 8)]
    waiting = [list(conversation(generator, number)) for number in range(1000)]
    with open(sys.argv[1], "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for number in range(10**9):
            if not waiting:
                break
            turn = generator.randrange(min(20, len(waiting)))  # some talk at the same time
            ethertype, packet = waiting[turn].pop(0)
            if not waiting[turn]:
                del waiting[turn]
            frame = (MACS + generator.choice(tags) + struct.pack(">H", ethertype) + packet).ljust(60, b"\0")
            out.write(struct.pack("<IIII", 1767225600, number, len(frame), len(frame)) + frame)


main()
