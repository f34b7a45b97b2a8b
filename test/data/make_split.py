"""Writes split.tsv: where keys stand for ecml_split and ecml_fold, by an implementation of num/hash.h and split_sql.c of its own.

Python 3, no packages:  python3 make_split.py > split.tsv
Columns: type of the key, key, seed, place of ecml_split in millionths, ecml_fold of a million folds.
The hashes that test/unit/test_sketch.c holds are printed by:  python3 make_split.py hashes
"""
import sys
import uuid

M = (1 << 64) - 1


def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & M
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & M
    return z ^ (z >> 31)


def of_seed(seed):
    return mix((seed + 0xD1B54A32D192ED03) & M)


def of_integer(value, seed):
    return mix(mix((value + 0x9E3779B97F4A7C15) & M) ^ of_seed(seed))


def fold(h, word):
    product = (h ^ word) * 0x9FB21C651E98DF25
    return (product & M) ^ (product >> 64)


def of_bytes(data, seed):
    h = of_seed(seed)
    for i in range(0, len(data), 8):
        h = fold(h, int.from_bytes(data[i:i + 8], "little"))
    return mix(h ^ len(data))


def of_parts(parts, seed):
    """parts: functions of the seed, or None."""
    h = of_integer(len(parts), seed)
    for part in parts:
        h = mix(fold(h, 0x4E554C4C if part is None else part(seed)))
    return h


def millionths(h):
    return int((h >> 11) * 2.0 ** -53 * 1000000)


def text(s):
    return lambda seed: of_bytes(s.encode("utf-8"), seed)


def integer(n):
    return lambda seed: of_integer(n & M, seed)


KEYS = [
    *(("int4", str(n), integer(n)) for n in (0, 1, 2, -1, 17, 2147483647, -2147483648)),
    *(("int2", str(n), integer(n)) for n in (1, -1)),
    *(("int8", str(n), integer(n)) for n in (1, 17, 9223372036854775807, -9223372036854775808)),
    *(("numeric", s, integer(n)) for s, n in (("17", 17), ("17.00", 17), ("-1", -1), ("9223372036854775807", (1 << 63) - 1))),
    *(("numeric", s, text(t)) for s, t in (("0.10", "0.1"), ("-12.5", "-12.5"), ("9223372036854775808", "9223372036854775808"))),
    *(("float8", s, integer(n)) for s, n in (("17", 17), ("-0", 0), ("1e15", 10 ** 15))),
    *(("float8", s, text(t)) for s, t in (("0.1", "0.1"), ("-12.5", "-12.5"), ("NaN", "NaN"))),
    ("float4", "0.1", text("0.1")),
    *(("text", s, text(s)) for s in ("", "a", "customer 17", "exactly8", "sixteen bytes ok", "Zürich", "日本語のお客様", "17")),
    ("bpchar", "a", text("a")),
    ("bool", "true", integer(1)),
    ("bool", "false", integer(0)),
    ("date", "2000-01-02", integer(1)),
    ("date", "1999-12-31", integer(-1)),
    ("timestamp", "2000-01-01 00:00:01", integer(1000000)),
    ("timestamptz", "2000-01-01 00:00:01+00", integer(1000000)),
    ("time", "00:00:01", integer(1000000)),
    ("interval", "1 mon 2 days 00:00:03", lambda seed: of_parts([integer(1), integer(2), integer(3000000)], seed)),
    ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
     lambda seed: of_bytes(uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11").bytes, seed)),
    ("bytea", "\\\\xdeadbeef", lambda seed: of_bytes(bytes.fromhex("deadbeef"), seed)),
    ("int4[]", "{1,2}", lambda seed: of_parts([integer(1), integer(2)], seed)),
    ("int8[]", "{1,2}", lambda seed: of_parts([integer(1), integer(2)], seed)),
    ("text[]", "{a,NULL}", lambda seed: of_parts([text("a"), None], seed)),
    ("inet", "10.0.0.1", text("10.0.0.1")),
]


def main():
    if sys.argv[1:] == ["hashes"]:
        for h in (of_integer(0, 0), of_integer(M, 1), of_bytes(b"", 0), of_bytes(b"customer 17", 7)):
            print(f"{h:016x}")
        return
    for kind, key, h in KEYS:
        for seed in (0, 1, -5):
            places = []
            for stream in (b"split", b"fold"):
                places.append(str(millionths(h(of_integer(seed & M, int.from_bytes(stream, "big"))))))
            print("\t".join([kind, key, str(seed), *places]))


main()
