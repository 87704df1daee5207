"""C++ as far as tidy needs it: text without comments and literals, and where functions begin and end."""
import re
from typing import NamedTuple

LITERAL_OR_COMMENT = re.compile(
    r'//(?:\\\n|[^\n])*'  # a line comment; a backslash continues it
    r"|/\*.*?\*/"
    r'|(?:u8|[uUL])?R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"'  # a raw string
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'",  # a character; after a digit it separates digits
    re.DOTALL)


def strip(text, keep_strings=False):
    """The same lines and columns, with comments and literals blanked."""
    def blank(match):
        token = match.group(0)
        if keep_strings and not token.startswith("/"):
            return token
        if token[0] in "\"'" and "\n" not in token:
            return token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)
    return LITERAL_OR_COMMENT.sub(blank, text)


def drop_directives(stripped):
    """Blanks preprocessor lines, and what follows #else and #elif, so that braces pair up."""
    kept, skipping, continued = [], [], False
    for line in stripped.split("\n"):
        directive = re.match(r"\s*#\s*(\w+)", line)
        is_directive = continued or directive is not None
        if directive and not continued:
            word = directive.group(1)
            if word in ("if", "ifdef", "ifndef"):
                skipping.append(False)
            elif word in ("else", "elif") and skipping:
                skipping[-1] = True
            elif word == "endif" and skipping:
                skipping.pop()
        continued = is_directive and line.endswith("\\")
        kept.append("" if is_directive or any(skipping) else line)
    return "\n".join(kept)


class Function(NamedTuple):
    name: str
    first_line: int
    last_line: int

    @property
    def lines(self):
        return self.last_line - self.first_line + 1


def classify(head):
    """What the brace after `head` opens at namespace or class level: namespace, type, function, member or value."""
    head = re.sub(r"\[\[.*?\]\]|alignas\s*\([^()]*\)|__attribute__\s*\(\(.*?\)\)", " ", head)
    head = head.strip()
    if re.search(r"\bnamespace\b[^(]*$", head) or re.search(r'\bextern\s*"[^"]*"$', head):
        return "namespace"
    if re.search(r"\b(class|struct|union|enum)\b", re.sub(r"template\s*<[^{}]*?>\s*(?=\w)", " ", head)) and "(" not in head:
        return "type"
    if head.endswith(("=", ",", "(", "return")) or ")" not in head:
        return "value"
    # Foo(int a) : a_(a), b_{a} {      a brace after a member's name opens its initializer
    if re.search(r"\)\s*(noexcept\s*(\([^()]*\))?\s*)?:[^:].*[\w>]$", head, re.DOTALL) and "->" not in head:
        return "member"
    return "function"


def name_of(head):
    match = re.search(r"(~?[\w:]+|operator\s*\S+?|operator\s*\(\s*\))\s*\(", head)
    return match.group(1) if match else "?"


def functions(text):
    """Every function body outside of another function: lambdas count as part of the function they stand in."""
    code = drop_directives(strip(text))
    found, scopes = [], []
    head, head_line, line = "", 1, 1
    opened = None  # (name, first line) of the function that is being read
    for character in code:
        if character == "\n":
            line += 1
        inside = opened is not None
        if character == "{":
            in_value = bool(scopes) and scopes[-1] in ("value", "member")
            kind = "inner" if inside else "value" if in_value else classify(head)
            scopes.append(kind)
            if kind == "function":
                opened = (name_of(head), head_line)
            if kind in ("namespace", "type"):
                head = ""
            elif not inside:
                head += "{"
        elif character == "}" and scopes:
            kind = scopes.pop()
            if kind == "function":
                found.append(Function(opened[0], opened[1], line))
                opened, head = None, ""
            elif kind in ("namespace", "type"):
                head = ""
            elif not inside:
                head += "}"
        elif inside:
            continue
        elif character == ";" or (character == ":" and head.strip() in ("public", "protected", "private")):
            head = ""
        elif head or not character.isspace():
            if not head:
                head_line = line
            head += character
    return found


NAMESPACE = re.compile(r"\bnamespace\b\s*([\w:]*)\s*$")
TYPE = re.compile(r"\b(?:class|struct|union|enum)\b(?:\s+(?:class|struct))?\s+(?!final\b)(\w[\w:]*)")


def types(text):
    """(qualified name, line) of every type that is defined at namespace level and not in an unnamed namespace.
    Specializations of templates have no name of their own, and are left out."""
    code = drop_directives(strip(text))
    found, scopes = [], []  # scopes: the namespace's name, or None for any other brace
    head_begin = 0
    for match in re.finditer(r"[{};]", code):
        head = code[head_begin:match.start()]
        head_begin = match.end()
        if match.group(0) == "}" and scopes:
            scopes.pop()
        elif match.group(0) == "{":
            namespace, is_open = NAMESPACE.search(head), None not in scopes and "" not in scopes
            if is_open and classify(head) == "type":
                name = TYPE.search(re.sub(r"\[\[.*?\]\]|alignas\s*\([^()]*\)|template\s*<[^{}]*?>\s*(?=\w)", " ", head))
                if name and not re.match(r"\s*<", name.string[name.end():]):
                    found.append(("::".join([*scopes, name.group(1)]), code.count("\n", 0, match.start()) + 1))
            scopes.append(namespace.group(1) if namespace else None)
    return found
