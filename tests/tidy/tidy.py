#!/usr/bin/env python3
"""Rules that compilers, clang-format and clang-tidy do not check. README.md beside this file lists them.

  tests/tidy/tidy.py [ROOT]     prints findings as path:line: text; exit code 1 if there is one
"""
import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import cpp_text
import format_document
import layers

FILE_LINES_MAX, FILE_LINES_NOTED = 600, 400
FUNCTION_LINES_MAX = 70
TOP_LEVEL = {"README.md", "CMakeLists.txt", "CMakePresets.json", "LICENSE", "build",
             "capture", "flowgen", "packaging", "sensor", "storage", "tests", "tools"}
VAGUE_NAMES = {"src", "util", "utils", "common", "helper", "helpers", "misc", "manager"}
LIBRARIES = ("capture/", "flowgen/", "storage/", "sensor/")
# check.cpp is where a bug of ours ends the process.
MAY_PRINT = re.compile(r"sensor/(main|log)\.cpp$|capture/base/check\.cpp$")
PRINTS = re.compile(r"\bstd::(cout|cerr|clog)\b|\b(fmt::print|printf|fprintf|puts|fputs|perror)\s*\(|\b(std::)?_?exit\s*\(")
CPP = (".cpp", ".hpp")
CODE = CPP + (".c", ".h", ".py", ".sh", ".cmake")


class Finding(NamedTuple):
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


class Repository:
    """The files that are ours: those git tracks or would add; without git, everything outside build/."""

    def __init__(self, root):
        self.root = Path(root).resolve()
        self.paths = sorted(path for path in self.list_paths() if (self.root / path).is_file())
        self.folders = {str(parent) for path in self.paths for parent in Path(path).parents}

    def list_paths(self):
        if (self.root / ".git").exists():
            command = ["git", "-C", str(self.root), "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"]
            listing = subprocess.run(command, capture_output=True, check=True, text=True).stdout
            return [path for path in listing.split("\0") if path]
        found = []
        for folder, names, files in os.walk(self.root):
            names[:] = [name for name in names if name not in (".git", "build", "__pycache__")]
            found += [os.path.relpath(os.path.join(folder, name), self.root) for name in files]
        return found

    def exists(self, path):
        return (self.root / path).is_file()

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def language(self, path):
        """Suffix of a file with code; that of its interpreter where the name has none; "" for all others."""
        name = Path(path).name
        if name == "CMakeLists.txt":
            return ".cmake"
        if Path(name).suffix:
            return Path(name).suffix if Path(name).suffix in CODE else ""
        with open(self.root / path, "rb") as file:
            first = file.readline(128)
        if not first.startswith(b"#!"):
            return ""
        return ".py" if b"python" in first else ".sh"

    def code(self):
        for path in self.paths:
            language = self.language(path)
            if language:
                yield path, language


def check_top_level(repository):
    for name in sorted({Path(path).parts[0] for path in repository.paths}):
        if name not in TOP_LEVEL and not name.startswith("."):
            yield Finding(name, 1, "unexpected at the top level")


def check_names(repository):
    for path in repository.paths:
        for part in Path(path).parts:
            if Path(part).stem.lower() in VAGUE_NAMES:
                yield Finding(path, 1, f"'{part}' says nothing about what is in it")


def check_readmes(repository):
    for folder in sorted({str(Path(path).parent) for path, language in repository.code()}):
        hidden = any(part.startswith(".") for part in Path(folder).parts)
        if not hidden and not repository.exists(f"{folder}/README.md"):
            yield Finding(folder, 1, "has sources, but no README.md")


def check_includes(repository):
    for path, language in repository.code():
        if language in CPP:
            lines = cpp_text.strip(repository.text(path), keep_strings=True).split("\n")
            for line, text in layers.check_includes(path, lines, repository.exists):
                yield Finding(path, line, text)


def check_pragma_once(repository):
    for path, language in repository.code():
        if language == ".hpp":
            code = cpp_text.strip(repository.text(path)).split()
            if code[:2] != ["#pragma", "once"]:
                yield Finding(path, 1, "does not begin with #pragma once")


def check_prints(repository):
    for path, language in repository.code():
        if language not in CPP or not path.startswith(LIBRARIES) or MAY_PRINT.match(path):
            continue
        for number, line in enumerate(cpp_text.strip(repository.text(path)).split("\n"), 1):
            match = PRINTS.search(line)
            if match:
                yield Finding(path, number, f"libraries neither print nor exit: {match.group(0).strip(' (')}")


def check_file_lengths(repository):
    for path, _ in repository.code():
        lines = repository.text(path).count("\n")
        if lines > FILE_LINES_MAX:
            yield Finding(path, lines, f"{lines} lines; at most {FILE_LINES_MAX}")


def functions_of(repository, path, language):
    text = repository.text(path)
    if language in CPP:
        return cpp_text.functions(text)
    if language == ".py":
        return [cpp_text.Function(node.name, node.lineno, node.end_lineno) for node in ast.walk(ast.parse(text))
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    if language == ".sh":
        return shell_functions(text)
    return []


def shell_functions(text):
    found, opened = [], None
    for number, line in enumerate(text.split("\n"), 1):
        start = re.match(r"(?:function\s+)?([\w-]+)\s*\(\)\s*[{(]\s*$", line)
        if start:
            opened = (start.group(1), number)
        elif opened and re.match(r"[})]", line):
            found.append(cpp_text.Function(*opened, number))
            opened = None
    return found


def check_function_lengths(repository):
    for path, language in repository.code():
        for function in functions_of(repository, path, language):
            if function.lines > FUNCTION_LINES_MAX:
                yield Finding(path, function.first_line,
                              f"{function.name} has {function.lines} lines; at most {FUNCTION_LINES_MAX}")


def check_type_names(repository):
    """One definition of each type: the linker takes any, and says nothing."""
    defined = {}
    for path, language in repository.code():
        if language not in CPP or path.startswith("tests/"):
            continue
        for name, line in cpp_text.types(repository.text(path)):
            first = defined.setdefault(name, path)
            if first != path:
                yield Finding(path, line, f"{name} is defined in {first}, too")


def check_format_document(repository):
    document, header = "storage/FORMAT.md", "storage/format.hpp"
    present = [path for path in (document, header) if repository.exists(path)]
    if len(present) == 1:
        yield Finding(present[0], 1, f"{document} and {header} belong together; the other one is missing")
    elif present:
        for line, text in format_document.compare(repository.text(document), repository.text(header)):
            yield Finding(document, line, text)


RULES = [check_top_level, check_names, check_readmes, check_includes, check_pragma_once, check_prints, check_file_lengths,
         check_function_lengths, check_type_names, check_format_document]


def findings(root):
    repository = Repository(root)
    return [finding for rule in RULES for finding in rule(repository)]


def notes(root):
    repository = Repository(root)
    for path, _ in repository.code():
        lines = repository.text(path).count("\n")
        if FILE_LINES_NOTED < lines <= FILE_LINES_MAX:
            yield Finding(path, lines, f"note: {lines} lines; aim at {FILE_LINES_NOTED}")


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    for note in notes(root):
        print(note)
    found = findings(root)
    for finding in found:
        print(finding)
    print(f"{len(found)} findings" if found else "tidy")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
