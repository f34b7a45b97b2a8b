"""Assignment beside SciPy's linear_sum_assignment, transport beside OR-Tools' SimpleMinCostFlow: the same exact optimum?

ecml reads its tables, the peers begin with arrays in memory (OR-Tools' with its arcs already added).
"""
import math

import numpy

from harness import REPEAT, SCALE, Table, connect, in_turn

SIDE = math.sqrt(SCALE)


def flows_table():
    return Table("Assignment and transport", "Exact optima; ms, ecml with the reading of its tables, peers on arrays in memory.",
                 ["problem", "pairs", "ecml ms", "peer", "peer ms", "times the peer's speed", "target", "ok", "same cost"])


def matrices(n, seed):
    """Costs of n x n pairs by name: unrelated, of few values, and distances between places."""
    draw = numpy.random.default_rng(seed)
    a, b = draw.random((n, 2)), draw.random((n, 2))
    return {"real numbers": draw.random((n, n)),
            "whole numbers to 1,000": draw.integers(1, 1001, (n, n)).astype(float),
            "distances": numpy.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])}


def fill(connection, name, costs):
    """A table of all pairs with their cost, by COPY in its binary form."""
    rows = numpy.empty(costs.size, [("fields", ">i2"), ("l1", ">i4"), ("origin", ">i4"), ("l2", ">i4"), ("destination", ">i4"),
                                    ("l3", ">i4"), ("cost", ">f8")])
    rows["fields"], rows["l1"], rows["l2"], rows["l3"] = 3, 4, 4, 8
    rows["origin"], rows["destination"] = numpy.repeat(numpy.arange(len(costs)), costs.shape[1]), numpy.tile(numpy.arange(costs.shape[1]), len(costs))
    rows["cost"] = costs.ravel()
    connection.execute(f"DROP TABLE IF EXISTS {name}")
    connection.execute(f"CREATE TABLE {name} (origin int, destination int, cost float8)")
    with connection.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff")
    connection.execute(f"VACUUM ANALYZE {name}")


def assignment(table):
    from scipy.optimize import linear_sum_assignment

    connection = connect()
    n = max(10, int(2000 * SIDE))
    for name, costs in matrices(n, 1).items():
        fill(connection, "flow_costs", costs)
        times, results = in_turn({
            "ecml": lambda k: connection.execute("SELECT count(*), sum(cost) FROM ecml_assign('flow_costs')").fetchone(),
            "peer": lambda k: costs[linear_sum_assignment(costs)].sum(),
        }, min(REPEAT, 5))
        (count, ours), theirs = results["ecml"][0], results["peer"][0]
        ratio = times["peer"] / times["ecml"]
        table.add(f"assignment, {name}", f"{n:,} x {n:,}", times["ecml"], "SciPy", times["peer"], ratio, ">= 1", ratio >= 1,
                  bool(count == n and abs(ours - theirs) <= 1e-9 * abs(theirs)))
    connection.execute("DROP TABLE flow_costs")


def transport(table):
    from ortools.graph.python import min_cost_flow

    connection = connect()
    n = max(10, int(1000 * SIDE))
    for name, costs in matrices(n, 2).items():
        whole = numpy.rint(costs if costs.max() > 10 else costs * 1e6).astype(numpy.int64)
        draw = numpy.random.default_rng(3)
        wanted = draw.integers(1, 100, n)
        stock = draw.integers(1, 100, n) + 5  # more than is wanted
        fill(connection, "flow_costs", whole)
        for side, column, values in (("flow_stock", "origin", stock), ("flow_wanted", "destination", wanted)):
            connection.execute(f"DROP TABLE IF EXISTS {side}")
            connection.execute(f"CREATE TABLE {side} AS SELECT (n - 1)::int AS {column}, v::int AS {'supply' if column == 'origin' else 'demand'} "
                               "FROM unnest(%s::int[]) WITH ORDINALITY AS u (v, n)", (values.tolist(),))
        solver = min_cost_flow.SimpleMinCostFlow()
        tails, heads = numpy.repeat(numpy.arange(n), n), numpy.tile(numpy.arange(n, 2 * n), n)
        solver.add_arcs_with_capacity_and_unit_cost(tails, heads, numpy.minimum(stock[tails], wanted[heads - n]), whole.ravel())
        solver.set_nodes_supplies(numpy.arange(2 * n), numpy.concatenate([stock, -wanted]))

        def peer(k):
            assert solver.solve_max_flow_with_min_cost() == solver.OPTIMAL
            return solver.optimal_cost()

        times, results = in_turn({
            "ecml": lambda k: connection.execute(
                "SELECT sum(quantity), sum(cost) FROM ecml_transport('flow_costs', 'flow_stock', 'flow_wanted')").fetchone(),
            "peer": peer,
        }, min(REPEAT, 5))
        (moved, ours), theirs = results["ecml"][0], results["peer"][0]
        ratio = times["peer"] / times["ecml"]
        table.add(f"transport, {name}", f"{n:,} x {n:,}", times["ecml"], "OR-Tools", times["peer"], ratio, ">= 1", ratio >= 1,
                  bool(moved == min(stock.sum(), wanted.sum()) and ours == theirs))
    connection.execute("DROP TABLE flow_costs, flow_stock, flow_wanted")
