"""What dns_tshark and http_tshark share: a dump program and tshark on each capture, differences counted by kind.

A comparison is a subclass with FIELDS, OPTIONS, FILTER and REASONS, and compare(ours, theirs): differences of one frame as (kind,
detail); either side is None where it has nothing in the frame. Differences with a reason are counted under it (LIMITS: up to
how many); with others the exit code is 1; it is 77 where there is no corpus.
"""

import argparse
import collections
import csv
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import tapline_oracle as oracle

AGGREGATOR = "\x1e"
csv.field_size_limit(1 << 24)


def run_dump(program, path):
    """Lines by frame number, and whether the file was read to its end."""
    result = subprocess.run([program, path], capture_output=True, text=True, check=False)
    lines = csv.DictReader(result.stdout.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {int(line["frame"]): line for line in lines}, result.returncode == 0


def run_tshark(path, fields, options, display_filter):
    command = ["tshark", "-n", "-r", path, "-Y", display_filter, "-T", "fields", "-E", "occurrence=a", "-E", f"aggregator={AGGREGATOR}"]
    for option in ("ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE", *options):
        command += ["-o", option]
    fields = ["frame.number", *fields]
    for field in fields:
        command += ["-e", field]
    result = subprocess.run(command, capture_output=True, check=False)
    lines = (line.split("\t") for line in result.stdout.decode("utf-8", "replace").split("\n") if line)
    return {int(line[0]): dict(zip(fields, line)) for line in lines}, result.returncode == 0


def all_of(frame, field):
    text = frame.get(field, "")
    return text.split(AGGREGATOR) if text else []


def first_of(frame, field):
    return frame.get(field, "").split(AGGREGATOR)[0]


def numbers_of(frame, field):
    return [int(text, 0) for text in all_of(frame, field)]


class Comparison:
    FIELDS, OPTIONS, FILTER, REASONS, LIMITS = [], [], "", {}, {}

    def compare(self, ours, theirs):
        raise NotImplementedError

    def compare_file(self, program, path):
        totals, differences = collections.Counter(), []
        ours, ours_whole = run_dump(program, path)
        theirs, theirs_whole = run_tshark(path, self.FIELDS, self.OPTIONS, self.FILTER)
        if ours_whole != theirs_whole:
            totals["files that only one of both reads to their end"] += 1
        last = min(max(ours, default=0) if not ours_whole else 1 << 60, max(theirs, default=0) if not theirs_whole else 1 << 60)
        for number in sorted(set(ours) | set(theirs)):
            if number > last:
                break
            one, other = ours.get(number), theirs.get(number)
            found = self.compare(one, other)
            totals["frames compared"] += 1
            totals["frames in both"] += 1 if one and other else 0
            if one:
                totals[one["status"]] += 1
            totals["frames that agree in all"] += 0 if found else 1
            differences += [(kind, number, detail) for kind, detail in found]
        return path, totals, differences

    def main(self, default_program, description):
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--dump", default=str(oracle.ROOT / "build/release/tests/oracle" / default_program))
        parser.add_argument("--jobs", type=int, default=2)
        parser.add_argument("--examples", type=int, default=5)
        parser.add_argument("files", nargs="*")
        arguments = parser.parse_args()
        files = arguments.files
        if not files:
            folder = oracle.corpus()
            if folder is None:
                print("skipped: no corpus of captures")
                return 77
            with open(folder / "CATALOG.tsv", encoding="utf-8") as catalog:
                files = [str(folder / row["path"]) for row in csv.DictReader(catalog, delimiter="\t")]
        totals, classes = collections.Counter(), collections.defaultdict(list)
        with ThreadPoolExecutor(arguments.jobs) as pool:
            for path, counts, differences in pool.map(lambda path: self.compare_file(arguments.dump, path), files):
                totals += counts
                for kind, number, detail in differences:
                    classes[kind].append(f"{path}:{number}: {detail}")
        return self.report(files, totals, classes, arguments.examples)

    def report(self, files, totals, classes, examples):
        for name, count in sorted(totals.items()):
            print(f"{count:10} {name}")
        unexplained = 0
        for kind, where in sorted(classes.items()):
            reason = self.REASONS.get(kind) if len(where) <= self.LIMITS.get(kind, len(where)) else None
            unexplained += 0 if reason else len(where)
            print(f"{'explained' if reason else 'DIFFERENT'} {kind}: {len(where)}" + (f" ({reason})" if reason else ""))
            for line in where[:examples]:
                print(f"    {line}")
        print(f"{len(files)} files, {unexplained} unexplained differences")
        return 1 if unexplained or not totals["frames in both"] else 0


def run_comparison(comparison, default_program, description):
    sys.exit(comparison.main(default_program, description))
