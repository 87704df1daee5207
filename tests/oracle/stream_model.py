"""What the segments of a capture say by themselves: an independent, slow model for tests/oracle/capture_variants.

A frame is read into a Packet (TCP and UDP over IPv4 and IPv6 behind any VLAN tags; None for all else). A TcpModel takes the
segments of one session and keeps every byte of both streams that was seen, however many holes there are.
"""

import dataclasses
import struct

TCP, UDP = 6, 17
FIN, SYN, RST, ACK = 1, 2, 4, 16
VLANS = (0x8100, 0x88A8, 0x9100)
# Bytes. What is further off than that is broken, not lost: no window of our captures is as large.
FAR_OFF = 1 << 20


@dataclasses.dataclass(slots=True)
class Packet:
    proto: int
    source: tuple  # address as bytes, port
    target: tuple
    ip_at: int  # where the IP header begins
    ip_bytes: int
    payload_bytes: int
    ip_id: int  # 0: none
    seq: int = 0
    ack: int = 0
    flags: int = 0

    def key(self):
        return (self.proto, *sorted((self.source, self.target)))


def ip_offset(frame):
    """(ethertype, where its header begins) behind Ethernet and VLAN tags."""
    at = 12
    kind = int.from_bytes(frame[at:at + 2], "big")
    while kind in VLANS:
        at += 4
        kind = int.from_bytes(frame[at:at + 2], "big")
    return kind, at + 2


def read_ip(frame):
    """(protocol, source, target, IP header's place, IP bytes, transport header's place); None if not plain IP."""
    kind, at = ip_offset(frame)
    if kind == 0x0800 and len(frame) >= at + 20:
        header, total = 4 * (frame[at] & 15), int.from_bytes(frame[at + 2:at + 4], "big")
        fragment = int.from_bytes(frame[at + 6:at + 8], "big") & 0x3FFF
        if frame[at] >> 4 != 4 or header < 20 or total < header or fragment:
            return None
        return frame[at + 9], frame[at + 12:at + 16], frame[at + 16:at + 20], at, total, at + header
    if kind == 0x86DD and len(frame) >= at + 40 and frame[at] >> 4 == 6:
        total = 40 + int.from_bytes(frame[at + 4:at + 6], "big")
        return frame[at + 6], frame[at + 8:at + 24], frame[at + 24:at + 40], at, total, at + 40
    return None


def read_packet(frame):
    ip = read_ip(frame)
    if ip is None or ip[0] not in (TCP, UDP):
        return None
    proto, source, target, ip_at, ip_bytes, at = ip
    if len(frame) < at + (20 if proto == TCP else 8):
        return None
    ports = struct.unpack_from(">HH", frame, at)
    header = 4 * (frame[at + 12] >> 4) if proto == TCP else 8
    payload = ip_bytes - (at - ip_at) - header
    if payload < 0 or header < 8 or (proto == TCP and header < 20):
        return None
    ip_id = int.from_bytes(frame[ip_at + 4:ip_at + 6], "big") if frame[ip_at] >> 4 == 4 else 0
    packet = Packet(proto, (source, ports[0]), (target, ports[1]), ip_at, ip_bytes, payload, ip_id)
    if proto == TCP:
        packet.seq, packet.ack = struct.unpack_from(">II", frame, at + 4)
        packet.flags = frame[at + 13]
    return packet


def distance(base, number):
    """From one sequence number to another, whatever has wrapped."""
    return ((number - base + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


class Seen:
    """Numbers that were seen: disjoint ranges in order, without limit."""

    def __init__(self):
        self.ranges = []

    def add(self, begin, end):
        """How many of [begin, end) are new."""
        kept, new_begin, new_end, old = [], begin, end, 0
        for low, high in self.ranges:
            if high < begin or low > end:
                kept.append((low, high))
                continue
            old += max(0, min(high, end) - max(low, begin))
            new_begin, new_end = min(new_begin, low), max(new_end, high)
        self.ranges = sorted(kept + [(new_begin, new_end)])
        return end - begin - old

    def missing(self, begin, end):
        """Numbers of [begin, end) that are not there."""
        covered = sum(max(0, min(high, end) - max(low, begin)) for low, high in self.ranges)
        return max(0, end - begin) - covered

    def holes(self):
        return len(self.ranges) - 1


class Stream:
    """One direction of a TCP session. Numbers are counted without wrapping from `base`, the SYN's: without one as though there
    had been one before the first segment."""

    def __init__(self):
        self.base = None
        self.seen = Seen()
        self.next = 0  # one past the highest number sent
        self.acked = None  # highest acknowledgment by the other side
        self.reset = self.closed = self.syn_seen = False
        self.retransmitted = self.out_of_order = self.holes_max = 0

    def number(self, seq):
        return self.next + distance(self.base + self.next & 0xFFFFFFFF, seq)

    def take(self, packet):
        syn = packet.flags & SYN != 0
        if self.base is None:
            self.base = packet.seq - (not syn) & 0xFFFFFFFF
            self.next = int(not syn)
        begin = self.number(packet.seq)
        late = not self.syn_seen and -FAR_OFF <= begin < 0
        restarts = syn and begin != 0 and not late
        if self.reset or (restarts and self.closed):
            return
        if restarts:  # another attempt with numbers of its own
            self.base, self.seen, self.next, begin = packet.seq, Seen(), 0, 0
        self.syn_seen |= syn
        self.closed |= packet.flags & FIN != 0
        if packet.flags & RST:
            self.reset = True
            return
        payload_begin = begin + syn
        payload_end = payload_begin + packet.payload_bytes
        if packet.payload_bytes:
            self.note_payload(payload_begin, payload_end)
        end = payload_end + (packet.flags & FIN != 0)
        if end > begin:
            self.seen.add(begin, end)
        elif not self.seen.ranges:
            self.seen.add(begin, begin)
        self.next = max(self.next, end)
        self.holes_max = max(self.holes_max, self.seen.holes())

    def note_payload(self, begin, end):
        if begin >= self.next:
            return
        old_end = min(end, self.next)
        if self.seen.missing(begin, old_end):
            self.out_of_order += 1
        elif end <= self.next:
            self.retransmitted += 1

    def take_ack(self, ack):
        if self.base is None:
            return
        number = self.number(ack)
        if number - self.next <= FAR_OFF:
            self.acked = number if self.acked is None else max(self.acked, number)

    def gap_bytes(self, other_seen):
        """Acknowledged and never seen; without the other side below the highest number."""
        if not self.seen.ranges or (other_seen and self.acked is None):
            return 0
        end = self.acked if other_seen else self.next
        # One number behind all that was seen is that of a FIN, not a byte.
        lost_fin = end == self.seen.ranges[-1][1] + 1
        return self.seen.missing(self.seen.ranges[0][0], end) - lost_fin


class TcpModel:
    """Both streams of a session; `packets` in the order of the capture."""

    def __init__(self, packets):
        self.streams = {}
        for packet in packets:
            self.streams.setdefault(packet.source, Stream())
            self.streams.setdefault(packet.target, Stream())
            if packet.flags & ACK and not packet.flags & RST:
                self.streams[packet.target].take_ack(packet.ack)
            self.streams[packet.source].take(packet)

    def numbers(self, end):
        """Of the direction that begins at an endpoint."""
        stream = self.streams[end]
        other_seen = any(other.base is not None for name, other in self.streams.items() if name != end)
        return {"retransmitted_packets": stream.retransmitted, "out_of_order_packets": stream.out_of_order,
                "gap_bytes": stream.gap_bytes(other_seen)}
