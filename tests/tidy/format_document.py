"""storage/FORMAT.md against storage/format.hpp: names, sizes and offsets of every structure, and every constant.

FORMAT.md:  ### BlockHeader (96 bytes)            format.hpp:  struct BlockHeader {
            | offset | bytes | name | meaning |                  std::uint32_t magic;
            | 0 | 4 | magic | ... |                              std::array<std::uint8_t, 16> segment_id;
            | kBlockMagic | 0x1234 | ... |                      inline constexpr std::uint32_t kBlockMagic = 0x1234;
"""
import ast
import operator
import re

from cpp_text import strip

SCALAR_BYTES = {"bool": 1, "char": 1, "std::byte": 1}
for bits in (8, 16, 32, 64):
    for prefix in ("", "std::"):
        SCALAR_BYTES[f"{prefix}int{bits}_t"] = SCALAR_BYTES[f"{prefix}uint{bits}_t"] = bits // 8

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
             ast.LShift: operator.lshift, ast.RShift: operator.rshift, ast.BitOr: operator.or_}


def evaluate(text, constants):
    """Value of a C++ integer or string expression, None where it is neither."""
    text = re.sub(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", "", text.strip())
    text = re.sub(r"\b(0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)[uUlLzZ]*\b", r"\1", text)
    text = re.sub(r"(?<!/)/(?!/)", "//", text) if '"' not in text else text
    try:
        return evaluate_node(ast.parse(text, mode="eval").body, constants)
    except (SyntaxError, KeyError, TypeError, ValueError):
        return None


def evaluate_node(node, constants):
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return constants[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -evaluate_node(node.operand, constants)
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](evaluate_node(node.left, constants), evaluate_node(node.right, constants))
    raise ValueError("not a constant expression")


def read_constants(code):
    """constexpr variables and enumerators, in order, so that one may use those before it."""
    constants = {}
    pattern = re.compile(r"\bconstexpr\s+[\w:<>, ]+?\b(k\w+)(?:\[\])?\s*(?:=\s*|\{)([^;{}]+?)\}?\s*;"
                         r"|\benum\b[^;{]*\{([^}]*)\}")
    for match in pattern.finditer(code):
        if match.group(1):
            constants[match.group(1)] = evaluate(match.group(2), constants)
            continue
        value = -1
        for enumerator in match.group(3).split(","):
            name, _, text = (part.strip() for part in enumerator.partition("="))
            if not name:
                continue
            explicit = evaluate(text, constants) if text else None
            value = explicit if text else (None if value is None else value + 1)
            constants[name] = value
    return constants


def read_structs(code, constants):
    """name -> (bytes, [(offset, bytes, field)]), problems. Layout by the ABI's rule: fields at their own alignment."""
    structs, problems = {}, []
    sizes = {name: (size, size) for name, size in SCALAR_BYTES.items()}  # type -> bytes, alignment
    for name, size in re.findall(r"\benum\s+(?:class\s+)?(\w+)\s*:\s*([\w:]+)", code):
        sizes[name] = sizes.get(size, (4, 4))
    for match in re.finditer(r"\bstruct\s+(?:alignas\(\w+\)\s*)?(\w+)\s*\{(.*?)\n\};", code, re.DOTALL):
        name, fields, offset, alignment = match.group(1), [], 0, 1
        body = re.sub(r"\n  (?:friend|static|constexpr|bool \w+\(|\[\[)[^;{]*(?:\{[^}]*\}|;)", "", match.group(2))
        for statement in body.split(";"):
            field = read_field(statement, sizes, constants)
            if field is None:
                if statement.strip():
                    problems.append(f"{name}: cannot read the field '{' '.join(statement.split())}'")
                continue
            field_name, count, element, align = field
            if offset % align:
                problems.append(f"{name}.{field_name}: hidden padding before it (offset {offset}, alignment {align})")
                offset += align - offset % align
            fields.append((offset, count * element, field_name))
            offset += count * element
            alignment = max(alignment, align)
        if offset % alignment:
            problems.append(f"{name}: hidden padding at its end ({offset} bytes, alignment {alignment})")
        structs[name] = (offset, fields)
        sizes[name] = (offset, alignment)
    return structs, problems


def read_field(statement, sizes, constants):
    """(name, elements, bytes of one, alignment) of `type name`, `type name[n]`, `std::array<type, n> name`."""
    statement = re.sub(r"\s*(=.*|\{.*\})$", "", " ".join(statement.split()))
    match = (re.fullmatch(r"std::array<([\w:]+), (.+)> (\w+)", statement) or
             re.fullmatch(r"([\w:]+) (?P<name>\w+)(?:\[(?P<count>.+)\])?", statement))
    if not match:
        return None
    if "name" in match.groupdict():
        type_name, name, count_text = match.group(1), match.group("name"), match.group("count") or "1"
    else:
        type_name, count_text, name = match.groups()
    count = evaluate(count_text, constants)
    if type_name not in sizes or not isinstance(count, int):
        return None
    return name, count, *sizes[type_name]


def read_document(text):
    """name -> (line, bytes, [(offset, bytes, field)]); and [(line, constant, text of its value)]."""
    structs, constants, current = {}, [], None
    for number, line in enumerate(text.split("\n"), 1):
        heading = re.match(r"#+ +`?(\w+)`? \((\d+) bytes\)", line)
        if heading:
            current = (number, int(heading.group(2)), [])
            structs[heading.group(1)] = current
        elif line.startswith("#"):
            current = None
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if len(cells) >= 3 and current and cells[0].isdigit() and cells[1].isdigit():
            current[2].append((int(cells[0]), int(cells[1]), cells[2]))
        elif len(cells) >= 2 and re.fullmatch(r"k[A-Z]\w*", cells[0]):
            constants.append((number, cells[0], cells[1]))
    return structs, constants


def compare(document, header):
    """Findings (line of the document, text)."""
    code = strip(header, keep_strings=True)
    constants = read_constants(code)
    code_structs, problems = read_structs(code, constants)
    yield from ((1, f"format.hpp: {problem}") for problem in problems)
    structs, rows = read_document(document)
    for name, (line, size, fields) in structs.items():
        if name not in code_structs:
            yield line, f"{name} is not in format.hpp"
            continue
        code_size, code_fields = code_structs[name]
        if size != code_size:
            yield line, f"{name} has {size} bytes here and {code_size} in format.hpp"
        for ours, theirs in zip(fields, code_fields):
            if ours != theirs:
                yield line, f"{name}: here (offset, bytes, name) {ours}, in format.hpp {theirs}"
        if len(fields) != len(code_fields):
            yield line, f"{name} has {len(fields)} fields here and {len(code_fields)} in format.hpp"
    for name in code_structs:
        if name not in structs:
            yield 1, f"format.hpp: {name} is not described in FORMAT.md"
    for line, name, text in rows:
        if constants.get(name) is None:
            yield line, f"{name} is no constant of format.hpp"
        elif evaluate(text, constants) != constants[name]:
            yield line, f"{name} is {text} here and {constants[name]} in format.hpp"
