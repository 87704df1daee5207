"""What the system tests of the live sensor share: a network of their own, the sensor, senders, questions to its store.

Programs come from $TAPLINE, $TAPLINE_SENSOR, $TAPLINE_FRAME_SENDER (default: build/release of this checkout). A script
moves into a network namespace that ends with it; everything it starts is ended by run_test(), by process id.
"""

import ctypes
import datetime
import ipaddress
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/oracle"))
import tapline_oracle as oracle  # noqa: E402

TAPLINE = oracle.TAPLINE
SENSOR = os.environ.get("TAPLINE_SENSOR", str(ROOT / "build/release/sensor/tapline-sensor"))
SENDER = os.environ.get("TAPLINE_FRAME_SENDER", str(ROOT / "build/release/tests/live/frame_sender"))
NS = oracle.NS
CLONE_NEWNET = 0x40000000
fail = oracle.fail


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def ip(*arguments, check=True):
    return subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True)


def enter_network(mtu=9000):
    """A network namespace of this process's own with a quiet veth pair tap0 - wire0: what wire0 sends, tap0 receives."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        skip("no permission for network namespaces (CAP_SYS_ADMIN)")
    for interfaces in ("default", "all"):
        switch = pathlib.Path(f"/proc/sys/net/ipv6/conf/{interfaces}/disable_ipv6")
        if switch.exists():
            switch.write_text("1")
    made = ip("link", "add", "tap0", "mtu", str(mtu), "type", "veth", "peer", "name", "wire0", "mtu", str(mtu), check=False)
    if made.returncode != 0:
        skip("no permission for veth pairs (CAP_NET_ADMIN)")
    for interface in ("tap0", "wire0"):
        ip("link", "set", interface, "arp", "off", "up")
    wait_until("the link is up", 10, lambda: "LOWER_UP" in ip("link", "show", "tap0").stdout)


def interface_drops(interface):
    """Frames that the interface lost before any packet socket saw them: its queue (netdev_max_backlog) was full."""
    statistics = json.loads(ip("-s", "-j", "link", "show", interface).stdout)[0]["stats64"]
    return statistics["rx"]["dropped"]


def wait_until(what, seconds, condition, period=0.01):
    """The first true value of condition(); none within `seconds` fails."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            fail(f"not within {seconds} s: {what}")
        time.sleep(period)


def hurry():
    """In the child before it becomes the program: ahead of others on busy processors, where that is permitted."""
    os.setsid()
    try:
        pathlib.Path("/proc/self/autogroup").write_text("-20")
        os.nice(-20)
    except OSError:
        pass


class Process:
    """A program that was started here, ended at the latest by end()."""

    running = []

    def __init__(self, *command, **options):
        self.child = subprocess.Popen([str(part) for part in command], preexec_fn=hurry, **options)
        Process.running.append(self)

    def signal(self, number):
        self.child.send_signal(number)

    def end(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


def run_test(name, main):
    """main(folder) with a folder of its own; ends, whatever comes, what it has started, before the folder goes."""
    with oracle.scratch(name) as folder:
        try:
            main(folder)
        finally:
            for process in Process.running:
                process.end()


class Sensor(Process):
    """tapline-sensor over `source` (arguments), recording into `store`; returns when it records."""

    def __init__(self, store, *arguments, source=("--interface", "tap0"), seconds=20):
        self.store = store
        self.log_path = pathlib.Path(f"{store}.log")
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            super().__init__(SENSOR, "--store", store, *source, "--report-every", "1s", *arguments, stdout=log, stderr=log)
        wait_until("the sensor records", seconds, self.is_recording)

    def log(self):
        with open(self.log_path, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode()

    def is_recording(self):
        if self.child.poll() is not None:
            fail(f"the sensor ended with {self.child.returncode}:\n{self.log()}")
        return re.search(r" recording \S+ into ", self.log()) is not None

    def stop(self, exit_code=0, seconds=60):
        """SIGTERM; returns the figures of its last log lines, by name."""
        self.signal(signal.SIGTERM)
        return self.finish(exit_code, seconds)

    def finish(self, exit_code=0, seconds=60):
        try:
            code = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            fail(f"the sensor does not end:\n{self.log()}")
        if code != exit_code:
            fail(f"the sensor ended with {code}, not {exit_code}:\n{self.log()}")
        return self.books()

    def books(self):
        received = re.search(r"received (\d+) frames by the device's count, which lost (\d+); polled (\d+)", self.log())
        booked = re.search(r"of them (\d+) stored whole, (\d+) cut, (\d+) filtered, (\d+) dropped; with (\d+) packets in tunnels (\d+) in sessions, "
                           r"(\d+) without, (\d+) duplicates, (\d+) in attempts", self.log())
        if received is None or booked is None:
            fail(f"the log does not end with the books:\n{self.log()}")
        names = "received lost polled whole cut filtered dropped in_tunnels in_sessions without_session duplicates in_attempts".split()
        return dict(zip(names, map(int, received.groups() + booked.groups())))

    def resources(self):
        """Resident bytes and open files."""
        proc = pathlib.Path(f"/proc/{self.child.pid}")
        resident = re.search(r"VmRSS:\s+(\d+) kB", (proc / "status").read_text())
        return int(resident[1]) * 1024, len(list((proc / "fd").iterdir()))


class Sender(Process):
    """frame_sender on `interface`; result() waits for it and gives what it printed."""

    def __init__(self, *arguments, interface="wire0"):
        super().__init__(SENDER, "--interface", interface, *arguments, stdout=subprocess.PIPE)

    def result(self, seconds=300):
        out, _ = self.child.communicate(timeout=seconds)
        if self.child.returncode != 0:
            fail(f"frame_sender ended with {self.child.returncode}")
        return json.loads(out)


def send(*arguments, interface="wire0"):
    return Sender(*arguments, interface=interface).result()


def flow_filter(flow):
    """What numbered_frame() of numbered_frame.hpp makes of this flow, as `tapline` takes it."""
    port = 1024 + flow % 60000
    source = (f"[fd00::{flow >> 16:x}:{flow & 0xffff:x}]" if flow % 4 >= 2 else
              f"10.{flow >> 16 & 255}.{flow >> 8 & 255}.{flow & 255}")
    target = "[2001:db8::1]" if flow % 4 >= 2 else "192.0.2.1"
    return f"{source}:{port}-{target}:443/tcp" if flow % 2 else f"{source}:{port}-{target}:9/udp"


def trailer(frame):
    """Number and send time (ns) of a frame of frame_sender."""
    return int.from_bytes(frame[-16:-8], "big"), int.from_bytes(frame[-8:], "big")


def frames_in(store, *question, summary=None, expect=(0,)):
    """(time, captured bytes, wire bytes, link type) of every frame that `extract` gives."""
    arguments = ["--summary", str(summary)] if summary else []
    done = oracle.run("extract", "--store", store, *question, *arguments, "-w", "-", expect=expect, preexec_fn=hurry)
    return oracle.pcap_records(memoryview(done.stdout)) if done.stdout else iter(())


def sessions_in(store, *question, expect=(0,)):
    done = oracle.run("flows", "--store", store, "--json", *question, expect=expect, preexec_fn=hurry)
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_numbers(store, last_number, first_number=0):
    """Every number of the sender exactly once."""
    numbers = sorted(trailer(frame)[0] for _, frame, _, _ in frames_in(store))
    if numbers != list(range(first_number, last_number + 1)):
        fail(f"{len(numbers)} frames stored, {len(set(numbers))} different, {last_number + 1 - first_number} sent")


def check_books(store, figures):
    """The sensor's own figures among themselves, and what `status` finds on the disk."""
    if figures["received"] != figures["polled"]:
        fail(f"book 2: {figures}")
    if figures["polled"] != figures["whole"] + figures["cut"] + figures["filtered"] + figures["dropped"]:
        fail(f"book 1: {figures}")
    if figures["polled"] + figures["in_tunnels"] != figures["in_sessions"] + figures["without_session"] + figures["duplicates"] \
            + figures["in_attempts"]:
        fail(f"book 3: {figures}")
    return check_status(store)


def check_status(store):
    status = read_status(store)
    if not status["intact"] or any(book.get("closes") is False for book in status["books"]):
        fail(f"books do not close: {json.dumps(status['books'])}")
    return status


def read_status(store):
    return json.loads(oracle.run("status", "--store", store, "--json", "--deep", expect=(0, 9)).stdout)


def seconds_text(nanoseconds):
    return f"{nanoseconds / NS:.3f} s"


def time_ns(rfc3339):
    """Of a UTC time with nanoseconds, as all answers have them."""
    moment = datetime.datetime.strptime(rfc3339[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z")
    return int(moment.timestamp()) * NS + int(rfc3339[20:-1].ljust(9, "0"))


def time_text(nanoseconds):
    moment = datetime.datetime.fromtimestamp(nanoseconds // NS, datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds % NS:09}Z"


def holes_in(summary_path):
    """(first, last, reason) of the holes that an answer's --summary names."""
    coverage = json.loads(pathlib.Path(summary_path).read_text())
    return [(time_ns(hole["first"]), time_ns(hole["last"]), hole["reason"]) for hole in coverage["holes"]]


def missing_runs(sent_ns):
    """Runs of numbers that are not in {number: send time}, as (first, last, send time of the first, of the last); times are
    taken between the neighbours', as the pace is even."""
    runs, present = [], sorted(sent_ns)
    for before, after in zip(present, present[1:]):
        if after - before > 1:
            per_frame = (sent_ns[after] - sent_ns[before]) / (after - before)
            runs.append((before + 1, after - 1, round(sent_ns[before] + per_frame), round(sent_ns[after] - per_frame)))
    return runs


def together(holes):
    """Holes, whatever their reasons, with those that overlap or touch as one."""
    merged = []
    for begin, end, reason in sorted(holes):
        if merged and begin <= merged[-1][1] + 1:
            begin, end = merged[-1][0], max(end, merged.pop()[1])
        merged.append((begin, end, reason))
    return merged


def check_within_holes(runs, holes):
    """Times between the neighbours are good to the evenness of the pace on busy processors, 10 ms."""
    for first, last, first_ns, last_ns in runs:
        if not any(begin <= first_ns + NS // 100 and last_ns - NS // 100 <= end for begin, end, _ in together(holes)):
            fail(f"numbers {first} to {last}, sent {time_text(first_ns)} to {time_text(last_ns)}, lie in no hole: "
                 f"{[(time_text(begin), time_text(end), reason) for begin, end, reason in holes]}")


def address_text(address):
    return str(ipaddress.ip_address(bytes(address)))


def disk_bytes(folder):
    """As `du`; what goes while one looks takes nothing."""
    total = 0
    for path in pathlib.Path(folder).iterdir():
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            pass
    return total
