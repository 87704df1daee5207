#!/usr/bin/env python3
"""A reader of packet segments written from storage/FORMAT.md alone, as a check that the page says enough.

    format_reader.py SEGMENT...           lists blocks, then every frame in order-key order
    format_reader.py --pcap SEGMENT...    writes the frames as a pcap file to standard output

Checks structure, bounds and identity; not the XXH3 checksums, for which Python has no library of its own. Blocks are
decompressed by the zstd program.
"""

import struct
import subprocess
import sys

SKIPPABLE, PADDING, SEEK_FRAME, SEEK_END = 0x184D2A5A, 0x184D2A5B, 0x184D2A5E, 0x8F92EAB1
SEGMENT_MAGIC, BLOCK_MAGIC, FOOTER_MAGIC = b"TAPLSEG1", b"TBLK", b"TAPLFTR1"
LEAD_BYTES, HEADER_BYTES, BLOCK_BYTES, FOOTER_BYTES, ENTRY_BYTES = 37, 192, 128, 192, 56
PADDING_BYTES_MAX = 8192
FIRST_BLOCK = LEAD_BYTES + 8 + HEADER_BYTES


class Damaged(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Damaged(what)


def skippable(data, at, magic):
    """Content of the skippable frame at `at`, and where it ends."""
    need(at + 8 <= len(data), "the file ends in a skippable frame")
    found, length = struct.unpack_from("<II", data, at)
    need(found == magic and at + 8 + length <= len(data), f"no skippable frame at {at}")
    return data[at + 8 : at + 8 + length], at + 8 + length


def skip_padding(data, at):
    if struct.unpack_from("<I", data, at)[0] != PADDING:
        return at
    content, end = skippable(data, at, PADDING)
    need(len(content) + 8 <= PADDING_BYTES_MAX and not any(content), "padding that is none")
    return end


def read_header(data):
    content, end = skippable(data, LEAD_BYTES, SKIPPABLE)
    need(len(content) == HEADER_BYTES and content[:8] == SEGMENT_MAGIC and end == FIRST_BLOCK, "no segment header")
    header_bytes, version, kind, link_type = struct.unpack_from("<HHHH", content, 8)
    incompatible = struct.unpack_from("<I", content, 20)[0]
    need(header_bytes == HEADER_BYTES and version in (1, 2) and incompatible == 0, "another format")
    return {"kind": kind, "link_type": link_type, "id": content[32:48]}


def read_block(data, at, segment, sequence):
    content, frame_at = skippable(data, at, SKIPPABLE)
    need(content[:4] == BLOCK_MAGIC, f"no block at {at}")
    fields = struct.unpack("<IHBBQQQIHHqqqqIIIIIIQQQII", content[:BLOCK_BYTES])
    names = ("magic header_bytes codec flags checksum segment_tag file_offset sequence lane reserved_1 first_ns "
             "last_ns order_first_ns order_last_ns order_first_count frames raw_bytes stored_bytes key_id "
             "extension_bytes stored_checksum wire_bytes captured_bytes cut_frames reserved_2").split()
    block = dict(zip(names, fields))
    block["extension"] = content[BLOCK_BYTES:]
    need(block["header_bytes"] == BLOCK_BYTES and block["extension_bytes"] == len(block["extension"]), "lengths")
    need(block["file_offset"] == at and block["sequence"] == sequence, f"block {sequence} is not at its place")
    need(block["segment_tag"] == int.from_bytes(segment["id"][:8], "little"), "a block of another segment")
    end = frame_at + block["stored_bytes"]
    need(end <= len(data), f"block {sequence} is cut")
    block["stored"] = data[frame_at:end]
    return block, end


def find_footer(data):
    """Offset of the footer's frame of a finished file, by the seek table."""
    count, descriptor, magic = struct.unpack_from("<IBI", data, len(data) - 9)
    need(magic == SEEK_END and descriptor == 0, "no seek table")
    table_at = len(data) - 8 - 8 * count - 9
    table, end = skippable(data, table_at, SEEK_FRAME)
    need(end == len(data), "the seek table is not at the end")
    return table_at - struct.unpack_from("<I", table, 8 * (count - 1))[0], table_at


def read_blocks(data, segment):
    footer_at, table_at = find_footer(data)
    footer, end = skippable(data, footer_at, SKIPPABLE)
    need(end == table_at and footer[:8] == FOOTER_MAGIC and footer[16:32] == segment["id"], "no footer")
    count = struct.unpack_from("<I", footer, 12)[0]
    need(len(footer) == FOOTER_BYTES + count * ENTRY_BYTES, "the block table has another length")
    at, blocks = FIRST_BLOCK, []
    for sequence in range(count):
        entry_at = struct.unpack_from("<Q", footer, FOOTER_BYTES + sequence * ENTRY_BYTES)[0]
        need(entry_at == at, f"block {sequence} is elsewhere")
        block, at = read_block(data, at, segment, sequence)
        at = skip_padding(data, at)
        blocks.append(block)
    need(at == footer_at, "something stands between blocks and footer")
    return blocks


def varints(data):
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0


def exceptions(extension):
    """Order exceptions as a map: frame number -> (count, lag)."""
    numbers, found, at = varints(extension), {}, 0
    for head in numbers:
        at += head >> 1
        count = next(numbers)
        found[at] = (count, next(numbers) if head & 1 else 0)
        at += 1
    return found


def signed(value, bits):
    value %= 1 << bits
    return value - (1 << bits) if value >> (bits - 1) else value


def frames_of(block):
    """(order key, capture time, wire length, bytes) of every frame of a block."""
    content = subprocess.run(["zstd", "-dcq"], input=block["stored"], capture_output=True, check=True).stdout
    need(len(content) == block["raw_bytes"], "a block has another length")
    first_seconds, odd, at, number = block["first_ns"] // 10**9, exceptions(block["extension"]), 0, 0
    while at < len(content):
        seconds, nanoseconds, stored, wire = struct.unpack_from("<IIII", content, at)
        time_ns = (first_seconds + signed(seconds - first_seconds, 32)) * 10**9 + nanoseconds
        count, lag = odd.get(number, (0, 0))
        yield (signed(time_ns + lag, 64), count), time_ns, wire, content[at + 16 : at + 16 + stored]
        at += 16 + stored
        number += 1
    need(at == len(content) and number == block["frames"], "a block holds another number of frames")


def main(arguments):
    as_pcap = arguments[:1] == ["--pcap"]
    frames = []
    for path in arguments[1 if as_pcap else 0 :]:
        with open(path, "rb") as file:
            data = file.read()
        segment = read_header(data)
        for block in read_blocks(data, segment):
            if not as_pcap:
                print("block {sequence} lane {lane} codec {codec} frames {frames} at {file_offset}".format(**block))
            frames.extend(frames_of(block))
    frames.sort(key=lambda frame: frame[0])
    if not as_pcap:
        for order, time_ns, wire, data in frames:
            print(f"{order[0]}+{order[1]} {time_ns} {wire} {data.hex()}")
        return
    out = sys.stdout.buffer
    out.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, segment["link_type"]))
    for _, time_ns, wire, data in frames:
        out.write(struct.pack("<IIII", time_ns // 10**9 % 2**32, time_ns % 10**9, len(data), wire) + data)


if __name__ == "__main__":
    main(sys.argv[1:])
