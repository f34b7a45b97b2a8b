"""What the benchmark's rows share: connections, timing, memory of a backend, tables of results.

Times are milliseconds of wall clock as the client sees them.  What is compared runs in turn, a repetition of each
after the other, after one warm-up that is not counted; a time is the median of the repetitions.
"""
import os
import platform
import statistics
import threading
import time

import numpy
import psycopg

SCALE = float(os.environ.get("SCALE") or 1)
REPEAT = int(os.environ.get("REPEAT") or 7)


def connect(**settings):
    """A session of its own; settings: names (dots as __) and values."""
    connection = psycopg.connect(autocommit=True)
    connection.execute("SELECT ecml_version()")  # loads the library, and with it its settings
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name.replace("__", "."), str(value)))
    return connection


def value(connection, query, *arguments):
    """The first column of the first row."""
    return connection.execute(query, arguments or None).fetchone()[0]


def array(connection, query):
    """The rows of a query as a matrix of doubles."""
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT binary)") as copy:
        data = b"".join(copy)
    # binary COPY: a header of 19 bytes; a row: count (2), then a length (4) and a double each; at the end a count of -1
    columns = int.from_bytes(data[19:21], "big")
    row = numpy.dtype([("count", ">i2"), ("field", [("length", ">i4"), ("value", ">f8")], columns)])
    rows = numpy.frombuffer(data, row, count=(len(data) - 21) // row.itemsize, offset=19)
    return rows["field"]["value"].astype(float)


def column(connection, query):
    """The only column of a query, as a list."""
    return [row[0] for row in connection.execute(query)]


def time_of(function, *arguments):
    """Milliseconds that a call takes, and what it gives."""
    begin = time.perf_counter()
    result = function(*arguments)
    return (time.perf_counter() - begin) * 1e3, result


def in_turn(functions, repeat=REPEAT, warm=True):
    """Times [median ms] and results [list] of functions of the repetition's number (1, 2, ...), by name."""
    times = {name: [] for name in functions}
    results = {name: [] for name in functions}
    for repetition in range(0 if warm else 1, repeat + 1):
        for name, function in functions.items():
            took, result = time_of(function, max(repetition, 1))
            if repetition > 0:
                times[name].append(took)
                results[name].append(result)
    return {name: statistics.median(t) for name, t in times.items()}, results


class Peak(threading.Thread):
    """Samples the memory of a backend that is its own (RssAnon: without shared buffers and files), in megabytes."""

    def __init__(self, connection):
        super().__init__(daemon=True)
        self.path = f"/proc/{connection.info.backend_pid}/status"
        self.before = self.now()
        self.peak = self.before
        self.done = threading.Event()

    def now(self, field="RssAnon"):
        with open(self.path, encoding="ascii") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) / 1024
        return float("nan")

    def run(self):
        while not self.done.wait(0.002):
            self.peak = max(self.peak, self.now())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.done.set()
        self.join()


class Table:
    """Rows of text under a heading; also whether all of them reached their targets."""

    def __init__(self, title, note, columns):
        self.title = title
        self.note = note
        self.columns = columns
        self.rows = []
        self.missed = 0

    def add(self, *cells):
        """cells: text, numbers (shown short) or booleans (a target reached or missed)."""
        self.missed += sum(cell is False for cell in cells)
        self.rows.append([shown(cell) for cell in cells])

    def markdown(self):
        widths = [max(len(row[i]) for row in [self.columns, *self.rows]) for i in range(len(self.columns))]
        lines = [self.columns, ["-" * width for width in widths], *self.rows]
        text = "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
                         for line in lines)
        return f"**{self.title}**\n\n{self.note}\n\n{text}\n"


def shown(cell):
    if cell is None:
        return ""
    if cell is True:
        return "yes"
    if cell is False:
        return "NO"
    if isinstance(cell, (float, numpy.floating)):
        if cell != cell:
            return "-"
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}" if abs(cell) < 10 else f"{cell:.1f}"
    return str(cell)


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def machine(connection):
    """What this was measured on."""
    import scipy
    import sklearn

    names = ("shared_buffers", "max_parallel_workers_per_gather", "jit", "ecml.work_mem", "ecml.threads")
    settings = ", ".join(f"{name} {value(connection, f'SHOW {name}')}" for name in names)
    return "\n".join([
        f"- {processor()}, {os.cpu_count()} cores, load when it began {os.getloadavg()[0]:.1f}",
        f"- PostgreSQL {value(connection, 'SHOW server_version')}; {settings}",
        f"- ecml {value(connection, 'SELECT ecml_version()')}; Python {platform.python_version()}, "
        f"NumPy {numpy.__version__}, SciPy {scipy.__version__}, scikit-learn {sklearn.__version__}",
        f"- {REPEAT} repetitions in turn after a warm-up, medians" + (
            f"; rows times {SCALE:g}, while the targets are for 1" if SCALE != 1 else ""),
    ])
