"""JA4 of captures as nDPI, Arkime, Suricata and huginn-net publish them, and what nDPI's older JA4 does differently."""

import dataclasses
import hashlib
import ipaddress
import json
import pathlib
import re

NDPI_PCAPS = "ntop+nDPI/tests/cfgs/default/pcap"
NDPI_RESULTS = "ntop+nDPI/tests/cfgs/default/result"
HUGINN_RESULTS = "biandratti+huginn-net/huginn-net-tls/tests/snapshots"
NDPI_FLOW = re.compile(r"\s*\d+\t(TCP|UDP) (\S+):(\d+) (?:<->|->) (\S+):(\d+) ")


@dataclasses.dataclass
class Published:
    project: str
    transport: str  # TCP, UDP; "" where the project does not say it
    ends: frozenset  # of (address, port); empty where the project does not say them
    ja4: str
    name: str = ""
    alpn: str = ""


def address(text):
    """nDPI writes "::" for every ":0:", and for a run of zeroes besides."""
    text = text.strip("[]")
    while text.count("::") > 1:
        text = text.replace("::", ":0:", 1)
    return str(ipaddress.ip_address(text))


def ends_of(*ends):
    return frozenset((address(one), str(port)) for one, port in ends)


def of_ndpi(corpus, path):
    """One line a flow of [label: value] in its results."""
    result = corpus / NDPI_RESULTS / (pathlib.Path(path).name + ".out")
    if NDPI_PCAPS not in str(path) or not result.exists():
        return
    for line in result.read_text(encoding="utf-8", errors="replace").splitlines():
        flow = NDPI_FLOW.match(line)
        found = re.search(r"\[JA4: ([^\]]+)\]", line)
        if flow and found:
            name = re.search(r"\[Hostname/SNI: ([^\]]*)\]", line)
            alpn = re.search(r"\[\(Advertised\) ALPNs: ([^\]]*)\]", line)
            yield Published("nDPI", flow[1], ends_of((flow[2], flow[3]), (flow[4], flow[5])), found[1],
                            name[1] if name else "", alpn[1] if alpn else "")


def of_arkime(path):
    """Sessions as JSON beside the capture."""
    result = pathlib.Path(path).with_suffix(".test")
    if "arkime+arkime" not in str(path) or not result.exists():
        return
    for sessions in json.loads(result.read_text(encoding="utf-8", errors="replace")).values():
        for session in sessions if isinstance(sessions, list) else []:
            body = session.get("body", {})
            for ja4 in body.get("tls", {}).get("ja4", []):
                ends = ends_of(*((body[side]["ip"], body[side]["port"]) for side in ("source", "destination")))
                yield Published("Arkime", "TCP" if body["ipProtocol"] == 6 else "UDP", ends, ja4)


def of_suricata(path):
    """Conditions of its tests; no endpoints."""
    result = pathlib.Path(path).with_name("test.yaml")
    if "OISF+suricata-verify" in str(path) and result.exists():
        for ja4 in re.findall(r"tls\.ja4: (\w+)", result.read_text(encoding="utf-8", errors="replace")):
            yield Published("Suricata", "", frozenset(), ja4)


def of_huginn(corpus, path):
    result = corpus / HUGINN_RESULTS / (pathlib.Path(path).name + ".json")
    if "huginn-net" in str(path) and result.exists():
        for one in json.loads(result.read_text(encoding="utf-8"))["connections"]:
            ends = ends_of(*((one[side]["ip"], one[side]["port"]) for side in ("source", "destination")))
            yield Published("huginn-net", "TCP", ends, one["tls"]["ja4"]["full"], one["tls"]["sni"])


def published(corpus, path):
    return [*of_ndpi(corpus, path), *of_arkime(path), *of_suricata(path), *of_huginn(corpus, path)]


def is_numeric(name):
    return re.fullmatch(r"[0-9.]+|[0-9a-fA-F]*:[0-9a-fA-F:.]*", name) is not None


def reasons_of_ndpi(row, theirs):
    """Why its JA4 is another, part by part; None for a part that nothing explains."""
    ours = row["ja4"]
    reasons = []
    if len(ours) != len(theirs):
        return [None]
    if ours[3] != theirs[3]:
        known = (not row["server_name"] and theirs[3] == "d") or (is_numeric(row["server_name"]) and theirs[3] == "i")
        reasons.append("nDPI JA4: d without a name, i with a numeric one" if known else None)
    if ours[8:10] != theirs[8:10]:
        if theirs[8:10] == row["alpn"][:2]:
            reasons.append("nDPI JA4: the first two characters of the ALPN name")
        else:
            reasons.append("nDPI JA4: h0 for h3" if (theirs[8:10], row["alpn"]) == ("h0", "h3") else None)
    if ours[24:] != theirs[24:]:
        known = ours[24:] == "0" * 12 and theirs[24:] == hashlib.sha256(b"").hexdigest()[:12]
        reasons.append("nDPI JA4: hash of nothing" if known else None)
    if ours[:3] + ours[4:8] + ours[10:24] != theirs[:3] + theirs[4:8] + theirs[10:24]:
        reasons.append(None)
    return reasons


def reasons(row, one):
    """Empty where the JA4 is equal."""
    if one.project == "nDPI":
        return reasons_of_ndpi(row, one.ja4)
    return [] if row["ja4"] == one.ja4 else [None]
