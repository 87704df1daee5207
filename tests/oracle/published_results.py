"""Sessions that other projects publish for the captures of the corpus, read from their files: the expected side of
tests/oracle/published_sessions.

Each reader yields (capture, sessions). A session is a dict: `proto` (number), `orig` and `resp` ((address, port); `orig` is
whom the project takes for the originator), `community_id_seed` where it is not 0, and of the fields of `tapline flows` those that the project tells, in our units. `unoriented`
is True where the project does not say who is the originator: numbers then go with the addresses.
"""

import ipaddress
import json
import pathlib
import re
import socket

import yaml

# Spellings that are not those of /etc/protocols in any case.
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58, "icmpv6": 58, "ipv6-icmp": 58, "sctp": 132}


def protocol_number(name):
    """Of a name in any project's spelling, or of a number in text; -1: unknown."""
    name = name.lower()
    if name.isdigit() or name in PROTOCOLS:
        return int(name) if name.isdigit() else PROTOCOLS[name]
    try:
        return socket.getprotobyname(name)
    except OSError:
        return -1


def endpoint(address, port):
    text = address.strip("[]")
    if text.count("::") > 1:  # nDPI shortens every :0: to ::
        text = text.replace("::", ":0:", text.count("::") - 1)
    return (str(ipaddress.ip_address(text)), int(port))


def table(path):
    """Rows of a Zeek log, as dicts by field name."""
    names, rows = [], []
    for line in path.read_text(errors="replace").splitlines():
        words = line.split("\t")
        if words[0] == "#fields":
            names = words[1:]
        elif not line.startswith("#") and names and len(words) == len(names):
            rows.append(dict(zip(names, words)))
    return rows


def zeek_session(row):
    session = {"orig": endpoint(row["id.orig_h"], row["id.orig_p"]), "resp": endpoint(row["id.resp_h"], row["id.resp_p"])}
    v6 = ":" in session["orig"][0]
    session["proto"] = 58 if row["proto"] == "icmp" and v6 else protocol_number(row.get("ip_proto", row["proto"]))
    for ours, theirs in (("orig_packets", "orig_pkts"), ("resp_packets", "resp_pkts"), ("orig_ip_bytes", "orig_ip_bytes"),
                         ("resp_ip_bytes", "resp_ip_bytes"), ("missed_bytes", "missed_bytes")):
        if theirs in row and row[theirs] != "-":
            session[ours] = int(row[theirs])
    for name in ("conn_state", "history"):
        if name in row and row[name] != "-":
            session[name] = row[name]
    if row.get("community_id", "-") != "-":
        session["community_id"] = row["community_id"]
    services = [ZEEK_SERVICES[name] for name in row.get("service", "-").lower().split(",") if name in ZEEK_SERVICES]
    if "dns" in services:
        services += ["mdns", "llmnr", "netbios_ns"]
    if services:
        session["app"] = services
    return session


# Zeek's names of what we tell, too, and ours. Where Zeek names several (a protocol and the one within), any is right.
ZEEK_SERVICES = {"ssl": "tls", "dtls": "dtls", "quic": "quic", "http": "http", "dns": "dns", "ssh": "ssh", "smtp": "smtp", "ftp": "ftp", "pop3": "pop3",
                 "imap": "imap", "sip": "sip", "irc": "irc", "rdp": "rdp", "smb": "smb", "krb": "kerberos", "krb_tcp": "kerberos", "ldap_tcp": "ldap",
                 "ldap_udp": "ldap", "mysql": "mysql", "postgresql": "postgresql", "mqtt": "mqtt", "ntp": "ntp", "dhcp": "dhcp", "snmp": "snmp",
                 "radius": "radius", "syslog": "syslog", "socks": "socks", "xmpp": "xmpp", "rfb": "vnc", "redis": "redis"}
# nDPI's master protocols of what we tell, too, and ours.
NDPI_APPS = {"TLS": "tls", "DTLS": "dtls", "QUIC": "quic", "HTTP": "http", "DNS": "dns", "MDNS": "mdns", "LLMNR": "llmnr", "NetBIOS": "netbios_ns",
             "SSH": "ssh", "SMTP": "smtp", "FTP_CONTROL": "ftp", "POP3": "pop3", "IMAP": "imap", "SIP": "sip", "RTSP": "rtsp", "IRC": "irc", "RDP": "rdp",
             "SMBv1": "smb", "SMBv23": "smb", "Kerberos": "kerberos", "LDAP": "ldap", "MySQL": "mysql", "PostgreSQL": "postgresql", "MQTT": "mqtt",
             "NTP": "ntp", "DHCP": "dhcp", "SNMP": "snmp", "Radius": "radius", "Syslog": "syslog", "SOCKS": "socks", "VNC": "vnc", "RESP": "redis",
             "BitTorrent": "bittorrent", "STUN": "stun", "OpenVPN": "openvpn", "WireGuard": "wireguard", "IPSec": "isakmp", "SSDP": "ssdp", "TFTP": "tftp",
             "Telnet": "telnet", "Jabber": "xmpp", "BGP": "bgp"}


def zeek_command(command):
    """The capture that a test's command reads alone and whole; None for anything else."""
    found = re.findall(r"(?: -[A-Za-z]*r |zcat <)\$\{?TRACES\}?/(\S+)", command)
    if len(found) != 1 or "$" in found[0] or "restricted_filter" in command or " -f " in command:
        return None
    return found[0].strip("'\"")


def ignores_checksums(command):
    """Then its histories have no `c`."""
    return re.search(r" -[A-Za-z]*C[A-Za-z]*( |$)", command) is not None or "ignore_checksums" in command


ZEEK_LOGS = ("conn.log", "conn-all.log")


def zeek_logs(corpus):
    """(capture, rows, whether checksums are ignored): conn.log of tests that read one capture, whole, in each of their commands: which
    of several wrote the log cannot be told."""
    root = corpus / "zeek+zeek/testing/btest"
    captures = {}
    for line in (corpus / "ZEEK_MAP.tsv").read_text().splitlines()[1:]:
        _, folder, _, command, _ = line.split("\t")
        captures.setdefault(folder, set()).add((zeek_command(command), ignores_checksums(command)))
    for folder, names in captures.items():
        logs = [root / "Baseline" / folder / name for name in ZEEK_LOGS if (root / "Baseline" / folder / name).exists()]
        name, no_checksums = names.pop() if len(names) == 1 else (None, False)
        if logs and name is not None and (root / "Traces" / name).exists():
            yield root / "Traces" / name, table(logs[0]), no_checksums


def zeek_sessions(corpus, in_tunnels):
    for capture, rows, no_checksums in zeek_logs(corpus):
        wanted = [row for row in rows if (row.get("tunnel_parents", "-") not in ("-", "(empty)", "")) == in_tunnels]
        if wanted or not in_tunnels:
            yield capture, [zeek_session(row) | {"no_checksums": no_checksums, "in_tunnel": in_tunnels} for row in wanted]


def zeek(corpus):
    """Sessions in no tunnel, and the tunnels."""
    yield from zeek_sessions(corpus, False)


def zeek_tunnels(corpus):
    """Sessions in tunnels."""
    yield from zeek_sessions(corpus, True)


# Arkime's data bytes of ICMP begin with its header, those of ESP behind it.
ARKIME_HEADER_BYTES = {1: -8, 58: -8, 50: 8}


def arkime_session(body):
    header_bytes = ARKIME_HEADER_BYTES.get(body["ipProtocol"], 0)
    session = {"proto": body["ipProtocol"], "orig": endpoint(body["source"]["ip"], body["source"].get("port", 0)),
               "resp": endpoint(body["destination"]["ip"], body["destination"].get("port", 0)),
               "orig_packets": body["source"]["packets"], "resp_packets": body["destination"]["packets"],
               "orig_frame_bytes": body["source"]["bytes"], "resp_frame_bytes": body["destination"]["bytes"],
               "orig_payload_bytes": body["client"]["bytes"] + header_bytes * body["source"]["packets"],
               "resp_payload_bytes": body["server"]["bytes"] + header_bytes * body["destination"]["packets"]}
    if "community_id" in body["network"]:
        session["community_id"] = body["network"]["community_id"]
    return session


def arkime_sessions(corpus, in_tunnels):
    for path in sorted((corpus / "arkime+arkime/tests/pcap").glob("*.test")):
        captures = [path.with_suffix(suffix) for suffix in (".pcap", ".pcapng", ".pcap.gz") if path.with_suffix(suffix).exists()]
        bodies = [entry["body"] for entry in json.loads(path.read_text())["sessions3"]]
        wanted = [body for body in bodies if "ip" in body["source"] and any(key.startswith("srcOuterIp") for key in body) == in_tunnels]
        if captures and wanted:
            yield captures[0], [arkime_session(body) | {"in_tunnel": in_tunnels} for body in wanted]


def arkime(corpus):
    yield from arkime_sessions(corpus, False)


def arkime_tunnels(corpus):
    """Sessions in tunnels."""
    yield from arkime_sessions(corpus, True)


NDPI_LINE = re.compile(r"^\t\d+\t(TCP|UDP|ICMP|ICMPV6|IGMP|SCTP|GRE|ESP) (\[[^\]]+\]|[\d.]+):(\d+) <?-> (\[[^\]]+\]|[\d.]+):(\d+) "
                       r".*?\[(\d+) pkts/(\d+) bytes <?-> (\d+) pkts/(\d+) bytes\]")


def ndpi(corpus):
    root = corpus / "ntop+nDPI/tests/cfgs/default"
    for path in sorted((root / "result").glob("*.out")):
        capture, sessions = root / "pcap" / path.name.removesuffix(".out"), []
        for found in map(NDPI_LINE.match, path.read_text(errors="replace").splitlines()):
            if found:
                proto, a, a_port, b, b_port, *counts = found.groups()
                master = re.search(r"\[proto: (?:[A-Z]+:)?[\d.]+/(?:GTP\.)?([A-Za-z0-9_]+)", found.string)
                looked = "[Confidence: DPI]" in found.string  # not guessed by port or address
                app = {"app": [NDPI_APPS[master[1]]]} if looked and master and master[1] in NDPI_APPS else {}
                sessions.append({"proto": protocol_number(proto), "orig": endpoint(a, a_port), "resp": endpoint(b, b_port), "unoriented": True}
                                | dict(zip(("orig_packets", "orig_frame_bytes", "resp_packets", "resp_frame_bytes"), map(int, counts))) | app)
        if capture.exists() and sessions:
            yield capture, sessions


def ipfixprobe(corpus):
    """Sorted lines with the names of the columns somewhere between them. Bytes are of IP."""
    root = corpus / "CESNET+ipfixprobe/tests/functional"
    for output, capture in (("basic", "mixed.pcap"), ("http", "http.pcap"), ("ntp", "ntp.pcap"), ("sip", "sip.pcap")):
        lines = (root / "outputs" / output).read_text().splitlines()
        header = next(line for line in lines if line.startswith("ipaddr "))
        names = [column.split(" ")[1] for column in header.split(",")]
        sessions = []
        for line in lines:
            row = dict(zip(names, line.split(",")))
            if line != header:
                sessions.append({"proto": int(row["PROTOCOL"]), "unoriented": True, "orig": endpoint(row["SRC_IP"], row["SRC_PORT"]),
                                 "resp": endpoint(row["DST_IP"], row["DST_PORT"]), "time": row["TIME_FIRST"],
                                 "orig_packets": int(row["PACKETS"]), "resp_packets": int(row["PACKETS_REV"]),
                                 "orig_ip_bytes": int(row["BYTES"]), "resp_ip_bytes": int(row["BYTES_REV"])})
        yield root / "inputs" / capture, sorted(sessions, key=lambda session: session["time"])


# Community ID seeds that their tests' configurations set.
SURICATA_SEEDS = {"community-id-ipv4": 7, "community-id-sameip": 1}


def suricata(corpus):
    """Checks of flow events that look at nothing but what a session record has."""
    names = {"flow.pkts_toserver": "orig_packets", "flow.pkts_toclient": "resp_packets", "flow.bytes_toserver": "orig_frame_bytes",
             "flow.bytes_toclient": "resp_frame_bytes", "community_id": "community_id"}
    addresses = {"src_ip": ("orig", 0), "dest_ip": ("resp", 0), "src_port": ("orig", 1), "dest_port": ("resp", 1)}
    for path in sorted((corpus / "OISF+suricata-verify/tests").glob("*/test.yaml")):
        document = yaml.safe_load(path.read_text())
        capture = path.parent / str(document.get("pcap", "input.pcap"))
        for check in document.get("checks") or []:
            wanted = dict((check.get("filter") or {}).get("match") or {})
            count = (check.get("filter") or {}).get("count")
            if wanted.pop("event_type", None) != "flow" or count is None or not capture.exists():
                continue
            ends = {name: wanted.pop(name) for name in addresses if name in wanted}
            proto = protocol_number(str(wanted.pop("proto", "")))
            for name in [name for name in wanted if name.startswith(("flow.", "tcp.", "vlan", "app_proto")) and name not in names]:
                wanted.pop(name)
            fields = {names[name]: value for name, value in wanted.items() if name in names}
            if proto >= 0 and len(ends) == 4 and len(fields) == len(wanted):
                session = {"proto": proto, "orig": endpoint(ends["src_ip"], ends["src_port"]),
                           "resp": endpoint(ends["dest_ip"], ends["dest_port"])} | fields
                if path.parent.name in SURICATA_SEEDS:
                    session["community_id_seed"] = SURICATA_SEEDS[path.parent.name]
                yield capture, [dict(session) for _ in range(count)]


READERS = {"Zeek conn.log": zeek, "Zeek in tunnels": zeek_tunnels, "Arkime sessions": arkime, "Arkime tunnels": arkime_tunnels, "nDPI flows": ndpi, "ipfixprobe flows": ipfixprobe, "Suricata flow": suricata}


def expected(corpus: pathlib.Path):
    """(project, capture, sessions) of everything."""
    for project, reader in READERS.items():
        for capture, sessions in reader(corpus):
            yield project, capture.resolve(), sessions
