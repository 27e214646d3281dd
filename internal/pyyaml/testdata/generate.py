#!/usr/bin/env python3
"""Writes what Keep would store of workflows, for the tests of the dumper.

  generate.py golden FILE...          FILE.golden beside each FILE
  generate.py collect PATH...         a JSON line {"yaml", "raw"} for each YAML file below the paths that Keep can read
  generate.py random COUNT SEED       the same for random documents

Needs PyYAML 6.0 with libyaml. Reading and writing behave as in Keep's module keep.functions.cyaml: texts remember their
quotes and literal blocks, and are written with them again.
"""

import json
import pathlib
import random
import sys

import yaml


class Written(str):
    """A text and how it was written."""

    style = None


class Loader(yaml.CSafeLoader):
    def construct_scalar(self, node):
        text = super().construct_scalar(node)
        if node.style not in ("'", '"', "|"):
            return text
        text = Written(text)
        text.style = node.style
        return text


class Dumper(yaml.CDumper):
    pass


Dumper.add_representer(
    Written,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=text.style),
)


def stored(text):
    """What Keep stores of the text of a workflow."""
    value = yaml.load(text, Loader=Loader)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return yaml.dump(
        value, Dumper=Dumper, default_flow_style=False, sort_keys=False, allow_unicode=True, width=99999
    )


def line(text):
    print(json.dumps({"yaml": text, "raw": stored(text)}))


# Parts that are hard to write: every sign with a meaning, spaces and breaks at all places, all kinds of characters.
PARTS = [
    "a", "b c", "x: y", "x:y", "- z", "#", " #", "# c", "'", '"', "\\", "{{ alert.name }}", "{", "}", "[", "]", ",", "&a",
    "*b", "!t", "|", ">", "%", "@", "`", "?", "? ", "-", "--", "---", "...", "--- a", "~", "null", "yes", "No", "on",
    "true", "0", "1", "012", "0o7", "0x1F", "1_0", "1:30", "1.5", "1e3", "1.0e+3", ".5", ".inf", "-.INF", ".nan", "=",
    "<<", "<", "2024-01-02", "2024-01-02 03:04:05", "é", "ü: ", "日本語", "\u2028", "\u2029", "\u0085", "\u00a0",
    "\ufeff", "\U0001f600", "\t", "a\tb", " ", "  ", "\n", "\n\n", " \n", "\n ", "a\nb", "a\n\nb", "\x07", "\x1b", "\x7f",
    "\u0080", "\ud7ff", "\ue000", "\ufffd", "\r", "$(X)", "%{a}", "/", "\\n", "end:", ":start", "a: ", "a :b", "key=value",
    "http://h/p?q=1#f", "word " * 30, "x" * 130, "k" * 128, "select * from t where a = 'b'", "",
]


class Random:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        return "".join(self.random.choice(PARTS) for _ in range(self.random.choice([1, 1, 1, 2, 2, 3, 4])))

    def quoted(self):
        text = self.text()
        if self.random.random() < 0.5 and all(c == "\n" or c == "\t" or " " <= c <= "~" or c > "\u00a0" for c in text):
            if "\n" not in text and "\ufeff" not in text and "\u2028" not in text and "\u2029" not in text:
                return "'" + text.replace("'", "''") + "'"
        return json.dumps(text)

    def block(self, indent):
        sign = self.random.choice("||||>")
        lines = [
            self.random.choice(["", "a", "  b", "c: d", "- e", "# f", "  ", "g 'h' \"i\"", "é", "{{ j }}", "k  ", "\tl"])
            for _ in range(self.random.randint(0, 5))
        ]
        hint = ""
        if lines and (lines[0].startswith(" ") or lines[0] == ""):
            hint = "2"
        chomp = self.random.choice(["", "", "-", "+"])
        body = "".join(" " * (indent + 2) + text + "\n" if text else "\n" for text in lines)
        return sign + hint + chomp + "\n" + body.removesuffix("\n")

    def plain(self, indent):
        choice = self.random.random()
        if choice < 0.6:
            return self.random.choice(
                "yes no on Off true null ~ 0 1 -7 +7 012 0x1f 0b101 1_000 190:20:30 1:30.5 -1:2:3.25 1.5 -0.0 5. .5 1e3 1.0e+3 1.5e-7 "
                "1.0e+17 123456789012345678901234567890 .inf -.Inf .NAN 2024-01-02 2024-01-02T03:04:05Z word two_words "
                "a:b x#y http://example.com/a?b=c {{alert.name}}x é /path -a ?b :c y n 0o12 1.2.3 10m".split()
                + ["2024-1-2 3:04:05.6", "2001-12-14t21:59:43.10-05:00", "two words", "it's \"so\"", "", "a  b", "!!str 12",
                   "!!int '3'", "!!float 1", "2024-02-03 04:05:06 +5:30"]
            ).replace("{{alert.name}}x", "x{{alert.name}}")
        if choice < 0.8:
            return "first line\n" + " " * (indent + 2) + "second\n\n" + " " * (indent + 2) + "third"
        return self.random.choice(["[]", "{}", "[a, 'b', [1, {c: d}]]", '{e: [], "f": {g: }}', "[yes, ~, 1.50]"])

    def scalar(self, indent):
        return self.random.choice([self.plain, lambda i: self.quoted(), lambda i: self.quoted(), self.block])(indent)

    def key(self):
        choice = self.random.random()
        if choice < 0.6:
            return "".join(self.random.choice("abcdefghij-_") for _ in range(6)).strip("-") or "k"
        if choice < 0.7:
            return str(self.random.choice(["yes", "012", "1.50", "~", "k k", "2024-01-02", "=", "on"]))
        if choice < 0.95:
            return self.quoted()
        return "? " + self.quoted() + "\n"

    def document(self):
        self.anchors = []
        self.named = 0
        return self.mapping(0, 0)

    def value(self, indent, depth):
        choice = self.random.random()
        if self.anchors and choice < 0.05:
            return " *" + self.random.choice(self.anchors)
        name = ""
        if self.random.random() < 0.08:
            self.named += 1
            name = f" &n{self.named}"
        if depth < 4 and choice < 0.30:
            text = name + "\n" + self.mapping(indent + 2, depth + 1)
        elif depth < 4 and choice < 0.5:
            text = name + "\n" + self.sequence(indent + self.random.choice([0, 2]), depth + 1)
        else:
            text = name + " " + self.scalar(indent)
        if name:
            self.anchors.append(name[2:])
        return text

    def mapping(self, indent, depth):
        lines, seen = [], set()
        for _ in range(self.random.randint(1, 4)):
            key = self.key()
            if key in seen:
                continue
            seen.add(key)
            between = " " * indent + ":" if key.startswith("? ") else ":"
            lines.append(" " * indent + key + between + self.value(indent, depth))
        if self.anchors and self.random.random() < 0.05:
            lines.append(" " * indent + "<<: *" + self.random.choice(self.anchors))
        return "\n".join(lines)

    def sequence(self, indent, depth):
        lines = []
        for _ in range(self.random.randint(1, 3)):
            if depth < 4 and self.random.random() < 0.3:
                lines.append(" " * indent + "- " + self.mapping(indent + 2, depth + 1).lstrip(" "))
            else:
                lines.append(" " * indent + "-" + self.value(indent, depth))
        return "\n".join(lines)


def same_keys(text):
    """Whether a mapping has a key twice, as text: the program refuses that, where Keep takes the last."""

    def look(node):
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            # Keys of different texts may still be one: 1, 1.0, 0x1 and yes.
            loader = yaml.SafeLoader("")
            values = []
            for key, _ in node.value:
                if key.tag != "tag:yaml.org,2002:merge" and isinstance(key, yaml.ScalarNode):
                    value = loader.construct_object(key) if key.tag != "tag:yaml.org,2002:value" else "="
                    values.append("null" if value is None else value)
            if len(set(keys)) < len(keys) or len({str(v).lower() for v in values}) < len(values) or len(set(values)) < len(values):
                return True
            return any(look(value) for _, value in node.value)
        if isinstance(node, yaml.SequenceNode):
            return any(look(value) for value in node.value)
        return False

    return look(yaml.compose(text, Loader=yaml.SafeLoader))


def holds_itself(text):
    value = yaml.load(text, Loader=yaml.CSafeLoader)

    def look(value, above):
        if isinstance(value, (dict, list)):
            if id(value) in above:
                return True
            inside = value.values() if isinstance(value, dict) else value
            return any(look(v, above | {id(value)}) for v in inside)
        return isinstance(value, (bytes, set, tuple))

    return look(value, frozenset())


def usable(text):
    try:
        stored(text)
        if same_keys(text) or holds_itself(text):
            return False
    except Exception:
        return False
    return True


def main():
    command, *arguments = sys.argv[1:]
    if command == "golden":
        for path in map(pathlib.Path, arguments):
            pathlib.Path(f"{path}.golden").write_text(stored(path.read_text()))
    elif command == "collect":
        for root in map(pathlib.Path, arguments):
            for path in [root] if root.is_file() else sorted(p for e in ("yaml", "yml") for p in root.rglob("*." + e)):
                try:
                    text = path.read_text()
                except (OSError, UnicodeDecodeError):
                    continue
                if len(text) < 200_000 and usable(text):
                    line(text)
    elif command == "random":
        count, seed = map(int, arguments)
        made = Random(seed)
        while count > 0:
            text = made.document()
            if usable(text):
                line(text)
                count -= 1
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
