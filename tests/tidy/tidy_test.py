#!/usr/bin/env python3
"""Every rule of tidy fires on a planted violation, and not on what only looks like one."""
import tempfile
import unittest
from pathlib import Path

import cpp_text
import format_document
import layers
import tidy

FORMAT_MD = """# Format
### BlockHeader (40 bytes)
| offset | bytes | name | meaning |
|---|---|---|---|
| 0 | 8 | magic | kBlockMagic |
| 8 | 16 | segment_id | random |
| 24 | 4 | frames | |
| 28 | 1 | codec | |
| 29 | 3 | reserved | zero |
| 32 | 8 | checksum | |

| constant | value |
|---|---|
| kBlockMagic | 0x11223344 |
| kBlockBytesMax | 262144 |
| kRaw | 1 |
"""
FORMAT_HPP = """#pragma once
inline constexpr std::uint64_t kBlockMagic = 0x1122'3344;
inline constexpr std::uint32_t kKiB = 1024;
inline constexpr std::uint32_t kBlockBytesMax = 256 * kKiB;  // a comment; with a semicolon
enum class Codec : std::uint8_t { kZstd = 0, kRaw };
struct BlockHeader {
  std::uint64_t magic;
  std::array<std::uint8_t, 16> segment_id;
  std::uint32_t frames = 0;
  Codec codec = Codec::kZstd;
  std::uint8_t reserved[3];
  std::uint64_t checksum;

  friend bool operator==(const BlockHeader&, const BlockHeader&) = default;
};
static_assert(sizeof(BlockHeader) == 40);
"""
CLEAN = {
    "README.md": "what it is\n",
    ".ci/run": "#!/bin/bash\n",
    "capture/README.md": "x\n",
    "capture/frame_source.hpp": '#pragma once\n#include <span>\n#include "capture/base/result.hpp"\n',
    "capture/base/README.md": "x\n",
    "capture/base/result.hpp": "// A result.\n#pragma once\n#include <fmt/core.h>\n",
    "capture/base/check.cpp": "void f() { std::fputs(0, stderr); }\n",
    "storage/README.md": "x\n",
    "storage/FORMAT.md": FORMAT_MD,
    "storage/format.hpp": FORMAT_HPP,
    "storage/block_codec.cpp": "#include <zstd.h>\n// std::cout in a comment\nconst char* kText = \"printf(\";\n",
    "sensor/README.md": "x\n",
    "sensor/pipeline.hpp": '#pragma once\n#include "capture/frame_source.hpp"\n#include "storage/format.hpp"\n',
    "tools/README.md": "x\n",
    "tools/main.cpp": '#include <boost/program_options.hpp>\n#include <iostream>\n#include "sensor/pipeline.hpp"\n',
}


def long_function(lines):
    return "int f() {\n" + "  g();\n" * (lines - 2) + "}\n"


class RulesTest(unittest.TestCase):
    def found_in(self, planted):
        """Findings of the clean tree with some files added, replaced or (None) removed."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**CLEAN, **planted}.items():
                if text is not None:
                    file = Path(root, path)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(text)
            return [str(finding) for finding in tidy.findings(root)]

    def expect(self, planted, *expected):
        self.assertEqual(self.found_in(planted), list(expected))

    def test_clean_tree_has_no_finding(self):
        self.expect({})

    def test_every_rule_is_planted_here(self):
        names = {name[len("test_"):] for name in dir(self) if name.startswith("test_")}
        for rule in tidy.RULES:
            self.assertIn(rule.__name__[len("check_"):], names)

    def test_top_level(self):
        self.expect({"notes.txt": ""}, "notes.txt:1: unexpected at the top level")

    def test_names(self):
        self.expect({"storage/util.hpp": "#pragma once\n"},
                    "storage/util.hpp:1: 'util.hpp' says nothing about what is in it")

    def test_readmes(self):
        self.expect({"storage/README.md": None}, "storage:1: has sources, but no README.md")
        self.expect({"packaging/run": "#!/usr/bin/env bash\n"}, "packaging:1: has sources, but no README.md")

    def test_includes(self):
        self.expect({"storage/a.cpp": '#include "capture/frame_source.hpp"\n'},
                    "storage/a.cpp:1: storage may not include capture/frame_source.hpp")
        self.expect({"capture/base/a.cpp": '#include "storage/format.hpp"\n'},
                    "capture/base/a.cpp:1: base may not include storage/format.hpp")
        self.expect({"storage/a.cpp": '\n#include "format.hpp"\n'},
                    'storage/a.cpp:2: "format.hpp" is no path from the repository root')
        self.expect({"storage/a.cpp": '#include "../storage/format.hpp"\n'},
                    'storage/a.cpp:1: "../storage/format.hpp" is no path from the repository root')
        self.expect({"storage/a.cpp": "#include <storage/format.hpp>\n"},
                    "storage/a.cpp:1: <storage/format.hpp> is ours: include it in quotes")
        self.expect({"storage/a.cpp": '// #include "format.hpp"\n/*\n#include "format.hpp"\n*/\n'})

    def test_foreign_headers(self):
        for path, header in [("capture/files/a.cpp", "rte_mbuf.h"), ("tests/files/a.cpp", "rte_mbuf.h"),
                             ("capture/a.cpp", "pcap/pcap.h"),
                             ("capture/a.cpp", "pcap.h"), ("storage/segment.cpp", "zstd.h"), ("flowgen/a.cpp", "zlib.h"),
                             ("storage/a.cpp", "boost/program_options.hpp"), ("storage/a.cpp", "catch2/catch.hpp"),
                             ("capture/base/a.cpp", "xxhash.h"), ("storage/disk/a.cpp", "liburing.h"), ("sensor/pipeline.cpp", "iostream")]:
            text = self.found_in({path: f"#include <{header}>\n", str(Path(path).parent / "README.md"): "x\n"})
            self.assertEqual(len(text), 1, (path, header, text))
            self.assertIn(f"<{header}> may not be included here", text[0])
        for path, header in [("capture/dpdk/a.cpp", "rte_mbuf.h"), ("tests/dpdk/a.cpp", "rte_mbuf.h"),
                             ("capture/filter_compiler.cpp", "pcap/pcap.h"),
                             ("capture/files/compressed_input.cpp", "zstd.h"), ("tests/files/a.cpp", "pcap.h"),
                             ("storage/codec/a.cpp", "zstd.h"), ("sensor/main.cpp", "iostream")]:
            self.expect({path: f"#include <{header}>\n", str(Path(path).parent / "README.md"): "x\n"})

    def test_pragma_once(self):
        self.expect({"storage/a.hpp": "// why\nint a;\n#pragma once\n"},
                    "storage/a.hpp:1: does not begin with #pragma once")

    def test_prints(self):
        for text in ("std::cout << 1;", "fmt::print(x);", "std::printf(x);", "std::exit(1);", "_exit (1);"):
            self.assertEqual(len(self.found_in({"storage/a.cpp": text + "\n"})), 1, text)
        self.expect({"tools/a.cpp": "std::cout << 1;\n", "storage/b.cpp": "on_exit(1); snprintf(b, 1, c);\n"})

    def test_file_lengths(self):
        limit = tidy.FILE_LINES_MAX
        for name in ("a.cpp", "a.py", "a.sh"):
            self.expect({f"storage/{name}": "\n" * (limit + 1)}, f"storage/{name}:601: 601 lines; at most 600")
            self.expect({f"storage/{name}": "\n" * limit})
        self.expect({"storage/tool": "#!/bin/bash\n" * (limit + 1)}, "storage/tool:601: 601 lines; at most 600")

    def test_function_lengths(self):
        limit = tidy.FUNCTION_LINES_MAX
        self.expect({"storage/a.cpp": long_function(limit)})
        self.expect({"storage/a.cpp": "\n" + long_function(limit + 1)}, "storage/a.cpp:2: f has 71 lines; at most 70")
        self.expect({"storage/a.py": "def f():\n" + "    g()\n" * limit}, "storage/a.py:1: f has 71 lines; at most 70")
        self.expect({"storage/a": "#!/bin/bash\nf() {\n" + "  g\n" * limit + "}\n"},
                    "storage/a:2: f has 72 lines; at most 70")

    def test_type_names(self):
        side = "#pragma once\nnamespace a::b {\n\nenum class Side : int { kA };\n}\n"
        self.expect({"storage/a.hpp": side, "storage/b.hpp": side},
                    "storage/b.hpp:4: a::b::Side is defined in storage/a.hpp, too")
        self.expect({"storage/a.hpp": side, "storage/b.hpp": side.replace("a::b", "a::c")})
        self.expect({"storage/a.hpp": side, "storage/b.hpp": side.replace(" {\n\nenum", " {\nnamespace {\nenum") + "}\n"})
        self.expect({"storage/a.hpp": side, "storage/b.hpp": "#pragma once\nnamespace a::b {\nenum class Side : int;\n}\n"})

    def test_format_document(self):
        self.expect({"storage/FORMAT.md": None},
                    "storage/format.hpp:1: storage/FORMAT.md and storage/format.hpp belong together; the other one is missing")
        for before, after in [("(40 bytes)", "(48 bytes)"), ("| 24 | 4 | frames", "| 24 | 4 | packets"),
                              ("| 24 | 4 |", "| 24 | 2 |"), ("| 24 | 4 |", "| 20 | 4 |"), ("| 32 | 8 | checksum | |\n", ""),
                              ("0x11223344", "0x11223345"), ("| 262144 |", "| 262143 |"), ("| kRaw | 1 |", "| kRaw | 2 |"),
                              ("kBlockBytesMax", "kBlockBytes"), ("### BlockHeader", "### SegmentHeader")]:
            self.assertIn(before, FORMAT_MD)
            self.assertTrue(self.found_in({"storage/FORMAT.md": FORMAT_MD.replace(before, after)}), (before, after))
        for before, after in [("frames = 0;", "frames = 0;\n  std::uint8_t odd;"), ("reserved[3]", "reserved[2]"),
                              ("std::uint32_t frames = 0", "std::string frames"), ("256 * kKiB", "255 * kKiB")]:
            self.assertIn(before, FORMAT_HPP)
            self.assertTrue(self.found_in({"storage/format.hpp": FORMAT_HPP.replace(before, after)}), (before, after))


class LayersTest(unittest.TestCase):
    def test_table(self):
        yes = [("base", "capture/base/time.hpp"), ("packet", "capture/packet/uid.hpp"), ("files", "capture/frame_source.hpp"),
               ("sensor", "capture/dpdk/dpdk_source.hpp"), ("tools", "sensor/pipeline.hpp"), ("tools", "capture/files/a.hpp"),
               ("sensor", "flowgen/a.hpp")]
        no = [("base", "capture/packet/uid.hpp"), ("packet", "flowgen/a.hpp"), ("files", "capture/dpdk/a.hpp"),
              ("capture", "flowgen/a.hpp"), ("flowgen", "storage/a.hpp"), ("storage", "flowgen/a.hpp"), ("flowgen", "capture/a.hpp"),
              ("sensor", "capture/dpdk/port.hpp"), ("tools", "sensor/worker.hpp"), ("tools", "capture/dpdk/dpdk_source.hpp"),
              ("sensor", "tools/a.hpp"), ("storage", "sensor/a.hpp"), ("files", "tests/a.hpp")]
        for layer, path in yes:
            self.assertTrue(layers.is_allowed(layer, path), (layer, path))
        for layer, path in no:
            self.assertFalse(layers.is_allowed(layer, path), (layer, path))


class FunctionsTest(unittest.TestCase):
    def spans(self, text):
        return [(f.name, f.first_line, f.last_line) for f in cpp_text.functions(text)]

    def test_plain_and_nested(self):
        self.assertEqual(self.spans("namespace a {\nint f(int x) {\n  if (x) { g(); }\n  return 1;\n}\n}\nint h() { return 1; }\n"),
                         [("f", 2, 5), ("h", 7, 7)])

    def test_members_constructors_and_operators(self):
        text = ("class alignas(64) A : public B {\n public:\n  A(int a)\n      : B(a), c_{a}, d_{} {\n    f();\n  }\n"
                "  ~A() override {}\n  bool operator()(int x) const noexcept {\n    return x;\n  }\n  int c_{1};\n};\n")
        self.assertEqual([span[1:] for span in self.spans(text)], [(3, 6), (7, 7), (8, 10)])

    def test_braces_in_literals_comments_and_directives(self):
        text = ("int f() {\n  char c = '{';  // {\n  auto s = \"{\\\"{\"; /* { */\n  auto r = R\"x({)\" {)x\";\n  int n = 1'000'000;\n"
                "#if A\n  if (a) {\n#else\n  if (b) {\n#endif\n  }\n}\nint g() {\n}\n")
        self.assertEqual(self.spans(text), [("f", 1, 12), ("g", 13, 14)])

    def test_tables_and_defaults_are_no_functions(self):
        text = ("constexpr Row kRows[] = {\n  {1, f(2)},\n  Row{f(3)},\n};\nint g(Options o = {});\nstd::array<int, 2> a{f(1), 2};\n"
                "template <class T>\nauto h(T t = {}) -> T {\n  return t;\n}\n")
        self.assertEqual(self.spans(text), [("h", 7, 10)])

    def test_test_cases_count(self):
        self.assertEqual(self.spans('TEST_CASE("a: b", "[c]") {\n  SECTION("d") {\n  }\n}\n'), [("TEST_CASE", 1, 4)])


class TypesTest(unittest.TestCase):
    def test_only_what_a_namespace_defines(self):
        text = ("namespace a {\nstruct B;\ntemplate <class T>\nclass alignas(64) C final : D {\n  struct E {};\n};\n"
                "template <>\nstruct C<int> {};\nint f(struct B* b) {\n  struct G {};\n}\nstruct C::H {};\n"
                "namespace {\nstruct I {};\n}\nenum : int { kJ };\n}\n")
        self.assertEqual(cpp_text.types(text), [("a::C", 4), ("a::C::H", 12)])


class FormatDocumentTest(unittest.TestCase):
    def test_expressions(self):
        for text, value in [("0x1122'3344", 0x11223344), ("1ULL << 20", 1 << 20), ("-1", -1), ("16 * kA + 1", 33),
                            ('"TAPL"', "TAPL"), ("1 / 2", 0), ("g()", None), ("kUnknown", None)]:
            self.assertEqual(format_document.evaluate(text, {"kA": 2}), value, text)

    def test_hidden_padding_is_found(self):
        found = list(format_document.compare("### A (16 bytes)\n| 0 | 1 | a |\n| 8 | 8 | b |\n",
                                             "struct A {\n  std::uint8_t a;\n  std::uint64_t b;\n};\n"))
        self.assertEqual(len(found), 1)
        self.assertIn("hidden padding", found[0][1])


if __name__ == "__main__":
    unittest.main()
