"""What the oracle scripts share: the program under test, captures as plain records, and failing loudly.

A script compares the store with what other people's tools say, never with our own output. It takes the program from
$TAPLINE (default: build/release/tools/tapline of this checkout) and prints what it compared; the exit code is 0 only if
everything agreed and something was compared at all.
"""

import datetime
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TAPLINE = os.environ.get("TAPLINE", str(ROOT / "build/release/tools/tapline"))
NS = 1_000_000_000


def corpus() -> pathlib.Path | None:
    """The folder of real captures, where there is one."""
    path = pathlib.Path(os.environ.get("TAPLINE_CORPUS", str(ROOT.parent / "shared/corpus")))
    return path if (path / "CATALOG.tsv").exists() else None


def run(*arguments, expect=(0,), **options) -> subprocess.CompletedProcess:
    """Runs the program under test; any exit code outside `expect` ends the script with what it said."""
    done = subprocess.run([TAPLINE, *map(str, arguments)], capture_output=True, **options)
    if done.returncode not in expect:
        fail(f"tapline {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return done


def fail(message: str) -> None:
    print(f"FAILED: {message}", file=sys.stderr)
    sys.exit(1)


def scratch(prefix: str) -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix=f"tapline-{prefix}-", dir=os.environ.get("TMPDIR", "/tmp"))


def time_ns(text: str) -> int:
    """Of a time as our JSON writes it: RFC 3339 in UTC, nine digits of a second."""
    whole, fraction = text.removesuffix("Z").split(".")
    return int(datetime.datetime.fromisoformat(whole + "+00:00").timestamp()) * NS + int(fraction)


def pcap_records(data):
    """(time in ns, captured bytes, wire bytes, link type) of every record of a pcap image, in order."""
    orders = {b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\x4d\x3c\xb2\xa1": ("<", 1),
              b"\xa1\xb2\xc3\xd4": (">", 1000), b"\xa1\xb2\x3c\x4d": (">", 1)}
    if bytes(data[:4]) not in orders:
        fail("not a pcap file")
    order, unit = orders[bytes(data[:4])]
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    record = struct.Struct(order + "IiII")
    at, end = 24, len(data)
    while at + 16 <= end:
        seconds, fraction, captured, wire = record.unpack_from(data, at)
        at += 16
        yield seconds * NS + fraction * unit, data[at:at + captured], wire, link
        at += captured
    if at != end:
        fail(f"a pcap image of {end} bytes ends within a record at {at}")


def read_pcap(path):
    with open(path, "rb") as file:
        return pcap_records(memoryview(file.read()))


def segments(store):
    return sorted((pathlib.Path(store) / "packets").glob("*.pcap.zst"))


def decompress(path) -> bytes:
    return subprocess.run(["zstd", "-dcq", str(path)], check=True, capture_output=True).stdout
