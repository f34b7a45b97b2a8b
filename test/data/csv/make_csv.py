"""Records of random CSV texts as Python's csv module reads them.

    python make_csv.py > records.tsv

Columns: delimiter and newline (in hexadecimal), the text (in hexadecimal), its records: fields in hexadecimal divided by
commas, records divided by semicolons.  The texts are well-formed by RFC 4180: csv.reader with strict=True reads them.
Blank lines are records of one empty field, where csv.reader gives an empty list.
"""
import csv
import io
import random

random.seed(4180)
ALPHABET = ["a", "b", "1", " ", "\t", ",", ";", "|", '"', "\n", "\r\n", "é", "\u20ac", "", "xyz" * 6]
PLAIN = ["a", "b", "1", " ", "é", "", "xyz" * 6, '"']


def field(delimiter, newline):
    n = random.choice([0, 0, 1, 2, 3, 5, 8])
    if random.random() < 0.5:
        text = "".join(random.choice(PLAIN) for _ in range(n))
        return "x" + text if text.startswith('"') else text
    text = "".join(random.choice(ALPHABET) for _ in range(n))
    return '"' + text.replace('"', '""') + '"'


def hexadecimal(text):
    return text.encode().hex()


for case in range(200):
    delimiter = random.choice([",", ";", "\t", "|"])
    newline = random.choice(["\n", "\r\n"])
    rows = [[field(delimiter, newline) for _ in range(random.randint(1, 6))] for _ in range(random.randint(1, 12))]
    text = newline.join(delimiter.join(row) for row in rows)
    if random.random() < 0.7:
        text += newline
    records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    print(hexadecimal(delimiter), hexadecimal(newline), hexadecimal(text),
          ";".join(",".join(map(hexadecimal, r or [""])) for r in records), sep="\t")
