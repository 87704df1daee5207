"""Which folder may include what: the layers, and who may use which foreign header. The tables are the rule."""
import re

# First match wins: a file belongs to the first layer whose prefix its path has.
LAYERS = [
    ("capture/base/", "base"),
    ("capture/packet/", "packet"),
    ("capture/content/", "content"),
    ("capture/dpdk/", "dpdk"),
    ("capture/af_packet/", "af_packet"),
    ("capture/files/", "files"),
    ("capture/", "capture"),
    ("flowgen/", "flowgen"),
    ("storage/disk/", "disk"),
    ("storage/", "storage"),
    ("sensor/", "sensor"),
    ("tools/", "tools"),
]

# Layer -> path prefixes (or whole paths) it may include. capture/<source>, flowgen and storage do not know each other.
# "capture/frame_source.hpp" stands for what lies directly in capture/.
ALLOWED = {
    "base": ["capture/base/"],
    "packet": ["capture/base/", "capture/packet/"],
    "content": ["capture/base/", "capture/content/"],
    "capture": ["capture/base/", "capture/packet/", "capture/*"],
    "files": ["capture/base/", "capture/packet/", "capture/*", "capture/files/"],
    "af_packet": ["capture/base/", "capture/packet/", "capture/*", "capture/af_packet/"],
    "dpdk": ["capture/base/", "capture/packet/", "capture/*", "capture/dpdk/"],
    "flowgen": ["capture/base/", "capture/packet/", "flowgen/"],
    "disk": ["capture/base/", "storage/disk/"],
    "storage": ["capture/base/", "capture/packet/", "storage/"],
    "sensor": ["capture/base/", "capture/packet/", "capture/*", "capture/files/", "capture/af_packet/",
               "capture/dpdk/dpdk_source.hpp", "flowgen/", "storage/", "sensor/"],
    "tools": ["capture/base/", "capture/packet/", "capture/files/", "flowgen/", "storage/", "sensor/pipeline.hpp",
              "tools/"],
}

# Foreign headers: (pattern of the header, pattern of the paths that may include it, why). tests/ may include any but
# DPDK's, which would keep tests from building without it.
EVERYWHERE = [(r"rte_.*", r"(tests|capture)/dpdk/", "DPDK stays in capture/dpdk")]
FOREIGN = EVERYWHERE + [
    (r"pcap(/.*|\.h|-.*)", r"(capture|sensor)/(.*/)?filter_compiler\.\w+$", "libpcap only compiles filters"),
    (r"(zstd|zstd_errors|zdict)\.h", r"storage/(.*/)?\w*(codec|zstd)\w*(/.*|\.\w+)$|capture/files/\w*(compress|zstd|input)\w*\.\w+$",
     "zstd stays in storage's codec and in the compressed file input"),
    (r"zlib\.h", r"capture/files/\w*(compress|gzip|input)\w*\.\w+$", "zlib stays in the compressed file input"),
    (r"boost/program_options.*", r"(sensor|tools)/", "options are parsed in the executables"),
    (r"catch2/.*", r"$^", "tests stay in tests/"),
    (r"iostream", r"tools/|sensor/(.*/)?\w*main\.cpp$", "libraries do not print"),
    (r"liburing.*", r"storage/disk/uring_writes\.cpp$", "io_uring stays behind the write queue"),
    (r"xxhash\.h", r"(?!capture/base/)", "capture/base needs the standard library and fmt only"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*(<([^>]+)>|"([^"]+)")')


def layer_of(path):
    for prefix, layer in LAYERS:
        if path.startswith(prefix):
            return layer
    return None  # tests, packaging: no layer, may include anything


def is_allowed(layer, included):
    for entry in ALLOWED[layer]:
        if entry == "capture/*":
            if re.fullmatch(r"capture/[^/]+", included):
                return True
        elif included == entry or (entry.endswith("/") and included.startswith(entry)):
            return True
    return False


def check_includes(path, lines, exists):
    """Findings (line, text) of one C++ file. exists(path) says whether a path of the repository exists."""
    layer = layer_of(path)
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        foreign, own = match.group(2), match.group(3)
        if own is not None:
            if not exists(own):
                yield number, f'"{own}" is no path from the repository root'
            elif layer is not None and not is_allowed(layer, own):
                yield number, f"{layer} may not include {own}"
        else:
            yield from ((number, text) for text in check_foreign(path, foreign, exists))


def check_foreign(path, header, exists):
    if exists(header):
        yield f"<{header}> is ours: include it in quotes"
    for pattern, allowed_paths, why in EVERYWHERE if layer_of(path) is None else FOREIGN:
        if re.fullmatch(pattern, header) and not re.match(allowed_paths, path):
            yield f"<{header}> may not be included here: {why}"
