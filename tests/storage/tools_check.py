#!/usr/bin/env python3
"""Holds segments against other people's tools: tools_check.py CHECK WRITE_SAMPLE FORMAT_READER.

Each CHECK is a test of its own. Exit 77: skipped, because a tool is absent.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile


def run(*command, **options):
    result = subprocess.run(command, capture_output=True, **options)
    if result.returncode != 0:
        sys.exit(f"{command}: exit {result.returncode}: {result.stderr.decode(errors='replace')}")
    return result.stdout


def need_tool(name):
    if shutil.which(name) is None:
        print(f"skipped: {name} is not installed")
        sys.exit(77)


def concatenate(segments):
    """All frames of some segments as one pcap, grouped by lane: the file header once, then what each has behind it."""
    contents = [run("zstd", "-dcq", path) for path in segments]
    return contents[0][:24] + b"".join(content[24:] for content in contents)


def check_zstd_test(folder, segments, reader):
    for path in segments:
        run("zstd", "-tq", path)


def check_format_reader(folder, segments, reader):
    with open(f"{folder}/expected.pcap", "rb") as file:
        expected = file.read()
    found = run(sys.executable, reader, "--pcap", *segments)
    if found != expected:
        sys.exit(f"the reader's pcap ({len(found)} bytes) is not the source's ({len(expected)} bytes)")
    listing = run(sys.executable, reader, *segments).decode().splitlines()
    blocks = sum(line.startswith("block ") for line in listing)
    if blocks < 10 or len(listing) - blocks != 3000:
        sys.exit(f"the listing has {blocks} blocks and {len(listing) - blocks} frames")


def check_tcpdump(folder, segments, reader):
    need_tool("tcpdump")
    # -S: sequence numbers do not depend on which frame comes first. A frame's text begins with its time, or a
    # bracket where it has no bytes; its bytes follow on lines of their own.
    text = ("tcpdump", "-r", "-", "-nn", "-S", "--nano", "-tt", "-xx")
    with open(f"{folder}/expected.pcap", "rb") as file:
        expected = sorted(re.split(r"\n(?=[\d\[])", run(*text, input=file.read()).decode().rstrip("\n")))
    found = sorted(re.split(r"\n(?=[\d\[])", run(*text, input=concatenate(segments)).decode().rstrip("\n")))
    if len(expected) != 3000 or found != expected:
        sys.exit(f"tcpdump shows {len(found)} frames, expected {len(expected)}, or others")


def check_tshark(folder, segments, reader):
    need_tool("tshark")
    fields = ("tshark", "-r", "-", "-n", "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e",
              "frame.cap_len", "-e", "ip.src", "-e", "ipv6.src", "-e", "vlan.id")
    with open(f"{folder}/expected.pcap", "rb") as file:
        expected = sorted(run(*fields, input=file.read()).splitlines())
    found = sorted(run(*fields, input=concatenate(segments)).splitlines())
    if len(expected) != 3000 or found != expected:
        sys.exit(f"tshark shows {len(found)} frames, expected {len(expected)}, or others")


def main():
    check, write_sample, reader = sys.argv[1:]
    need_tool("zstd")
    for seed in ("1", "2"):
        with tempfile.TemporaryDirectory() as folder:
            run(write_sample, folder, seed)
            segments = sorted(glob.glob(f"{folder}/*.pcap.zst"))
            if len(segments) < 2 or not os.path.exists(f"{folder}/expected.pcap"):
                sys.exit("the sample has too few segments")
            globals()[f"check_{check}"](folder, segments, reader)


main()
