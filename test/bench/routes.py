"""Delivery tours beside PyVRP, HGS-CVRP (hygese) and OR-Tools, at equal time on published instances.

Gaps are to the best known costs, in percent.  Each plan of ecml is checked here, stop by stop, from the instance alone.  ecml uses
the threads that the session may use, the peers one each, as they are made.  Time windows: distances cut after one decimal, as the
best known plans have them.
"""
import csv
import math
import os
import statistics

from harness import Table, connect, time_of

DATA = os.environ["ECML_DATA"]
SECONDS = float(os.environ.get("ROUTE_SECONDS") or 10)
SAMPLES = {
    "A, P, CMT to 100": ("cvrp", ["A-n62-k8", "A-n80-k10", "P-n76-k5", "P-n101-k4", "CMT1", "CMT3"], 0.1),
    "X to 300": ("cvrp", ["X-n106-k14", "X-n153-k22", "X-n200-k36", "X-n237-k14", "X-n284-k15", "X-n303-k21"], 0.7),
    "X, 500 to 1,000": ("cvrp", ["X-n561-k42", "X-n701-k44", "X-n876-k59", "X-n1001-k43"], None),
    "Solomon": ("vrptw", ["C104", "R101", "R108", "R112", "RC102", "RC106"], 0.3),
}


def routes_table():
    return Table("Delivery tours",
                 f"{SECONDS:g} s for each instance and method; mean gap to the best known cost in percent (least to most).",
                 ["set", "instances", "ecml", "PyVRP", "HGS", "OR-Tools", "target", "ok", "below OR-Tools"])


class Instance:
    """Sites (the first is the depot) with x, y, demand, ready, due, service; capacity, vehicles; whole distances and their unit."""

    def __init__(self, kind, name):
        self.name = name
        self.timed = kind == "vrptw"
        with open(os.path.join(DATA, kind, "best_known.csv"), encoding="utf-8") as rows:
            best = {row["instance"]: row for row in csv.DictReader(rows)}[name]
        if self.timed:
            self.read_solomon(os.path.join(DATA, "vrptw", "solomon", name + ".txt"))
            self.round, self.unit, self.best = "trunc1", 10, float(best["sol_cost_trunc1"])
        else:
            self.read_vrplib(os.path.join(DATA, "cvrp", best["set"], name + ".vrp"))
            self.round, self.unit = ("nearest", 1) if best["distance_rounding"].startswith("nearest") else ("none", 1000)
            self.best = float(best["best_known_cost"])
        self.matrix = [[self.whole(math.hypot(a[0] - b[0], a[1] - b[1])) for b in self.sites] for a in self.sites]

    def whole(self, distance):
        return int(distance * 10 + 1e-9) if self.round == "trunc1" else int(distance * self.unit + 0.5)

    def read_vrplib(self, path):
        places, demands, section = {}, {}, None
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                words = line.split()
                if line.startswith("CAPACITY"):
                    self.capacity = int(float(line.split(":")[1]))
                elif words and words[0].endswith("SECTION"):
                    section = words[0]
                elif section == "NODE_COORD_SECTION" and len(words) == 3:
                    places[int(words[0])] = (float(words[1]), float(words[2]))
                elif section == "DEMAND_SECTION" and len(words) == 2:
                    demands[int(words[0])] = int(float(words[1]))
        self.sites = [(*places[k], demands[k], 0, 10 ** 7, 0) for k in sorted(places)]
        self.vehicles = len(self.sites) - 1

    def read_solomon(self, path):
        self.sites = []
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                try:
                    numbers = [float(word) for word in line.split()]
                except ValueError:
                    continue
                if len(numbers) == 2:
                    self.vehicles, self.capacity = int(numbers[0]), int(numbers[1])
                elif len(numbers) == 7:
                    self.sites.append(tuple(numbers[1:]))

    def gap(self, cost):
        return 100 * (cost / self.best - 1)


def check(instance, rows):
    """The cost of a plan of ecml, or an error: each site once, loads, windows."""
    seen, cost = set(), 0
    tours = {}
    for vehicle, stop, site in rows:
        tours.setdefault(vehicle, []).append((stop, int(site)))
    for stops in tours.values():
        order = [site for _, site in sorted(stops)]
        assert order[0] == 0 and order[-1] == 0 and len(order) > 2
        assert sum(instance.sites[site][2] for site in order) <= instance.capacity
        clock = 0
        for before, site in zip(order, order[1:]):
            leg = instance.matrix[before][site]
            cost += leg if instance.round != "none" else math.dist(instance.sites[before][:2], instance.sites[site][:2]) * instance.unit
            ready, due, service = instance.sites[site][3:]
            clock = max(clock + instance.sites[before][5] * (before > 0) + leg / instance.unit, ready)
            assert clock <= due + 1e-6, "a window is missed"
            assert site == 0 or site not in seen, "a site is visited twice"
            seen.add(site)
    assert len(seen) == len(instance.sites), "a site is left out"
    return cost / instance.unit


def ecml(connection, instance):
    connection.execute("DROP TABLE IF EXISTS route_sites")
    connection.execute("CREATE TABLE route_sites (id int, x float8, y float8, demand int, ready float8, due float8, service float8)")
    with connection.cursor() as cursor, cursor.copy("COPY route_sites FROM STDIN") as copy:
        for number, site in enumerate(instance.sites):
            copy.write_row((number, site[0], site[1], int(site[2]), *site[3:]))
    source = "route_sites" if instance.timed else "SELECT id, x, y, demand FROM route_sites"
    took, rows = time_of(lambda: connection.execute(
        "SELECT vehicle, stop, delivery_id FROM ecml_vrp(%s, jsonb_build_object('capacity', %s::int, 'vehicles', %s::int, 'round', %s::text, "
        "'time_limit', %s::float8, 'seed', 1)) WHERE vehicle IS NOT NULL",
        (source, instance.capacity, instance.vehicles, instance.round, SECONDS)).fetchall())
    assert took < 1e3 * SECONDS + 1500, "the time limit was not kept"
    return check(instance, rows)


def pyvrp(instance):
    import numpy
    from pyvrp import Client, Depot, Location, ProblemData, VehicleType, solve
    from pyvrp.stop import MaxRuntime

    matrix = numpy.asarray(instance.matrix, dtype=numpy.int64)
    times = [{"tw_early": int(s[3] * instance.unit), "tw_late": int(s[4] * instance.unit)} if instance.timed else {}
             for s in instance.sites]
    clients = [Client(number, delivery=[int(s[2])], service_duration=int(s[5] * instance.unit), **times[number])
               for number, s in enumerate(instance.sites[1:], 1)]
    data = ProblemData([Location(s[0], s[1]) for s in instance.sites], clients, [Depot(0)],
                       [VehicleType(instance.vehicles, capacity=[instance.capacity], **times[0])], [matrix], [matrix])
    best = solve(data, stop=MaxRuntime(SECONDS), seed=1, display=False).best
    return best.distance() / instance.unit if best.is_feasible() else math.nan


def hgs(instance):
    if instance.timed:
        return math.nan
    import hygese

    solver = hygese.Solver(parameters=hygese.AlgorithmParameters(timeLimit=SECONDS, seed=1), verbose=False)
    data = {"x_coordinates": [s[0] for s in instance.sites], "y_coordinates": [s[1] for s in instance.sites],
            "distance_matrix": instance.matrix, "demands": [int(s[2]) for s in instance.sites],
            "vehicle_capacity": instance.capacity, "num_vehicles": min(instance.vehicles, 400), "depot": 0}
    return solver.solve_cvrp(data).cost / instance.unit


def ortools(instance):
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    least = math.ceil(sum(s[2] for s in instance.sites) / instance.capacity)
    vehicles = min(instance.vehicles, instance.vehicles if instance.timed else int(1.2 * least) + 3)
    manager = pywrapcp.RoutingIndexManager(len(instance.sites), vehicles, 0)
    routing = pywrapcp.RoutingModel(manager)
    transit = routing.RegisterTransitMatrix(instance.matrix)
    routing.SetArcCostEvaluatorOfAllVehicles(transit)
    demand = routing.RegisterUnaryTransitVector([int(s[2]) for s in instance.sites])
    routing.AddDimensionWithVehicleCapacity(demand, 0, [instance.capacity] * vehicles, True, "load")
    if instance.timed:
        times = routing.RegisterTransitMatrix(
            [[leg + int(a[5] * instance.unit) for leg in row] for a, row in zip(instance.sites, instance.matrix)])
        horizon = int(instance.sites[0][4] * instance.unit)
        routing.AddDimension(times, horizon, horizon, False, "time")
        clock = routing.GetDimensionOrDie("time")
        for number, site in enumerate(instance.sites[1:], 1):
            clock.CumulVar(manager.NodeToIndex(number)).SetRange(int(site[3] * instance.unit), int(site[4] * instance.unit))
    search = pywrapcp.DefaultRoutingSearchParameters()
    search.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PATH_CHEAPEST_ARC
    search.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    search.time_limit.FromMilliseconds(int(SECONDS * 1000))
    solution = routing.SolveWithParameters(search)
    return solution.ObjectiveValue() / instance.unit if solution else math.nan


def shown(gaps):
    known = [gap for gap in gaps if gap == gap]
    if not known:
        return "-"
    return f"{statistics.mean(known):.2f} ({min(known):.2f} to {max(known):.2f})" + (f", {len(gaps) - len(known)} without" if len(known) < len(gaps) else "")


def routes(table):
    if not os.path.isdir(os.path.join(DATA, "cvrp")):
        table.add("no real data", "", "", "", "", "", "", None, None)
        return
    connection = connect()
    for name, (kind, names, target) in SAMPLES.items():
        gaps = {"ecml": [], "pyvrp": [], "hgs": [], "ortools": []}
        for instance in [Instance(kind, one) for one in names]:
            for method, function in (("ecml", lambda i: ecml(connection, i)), ("pyvrp", pyvrp), ("hgs", hgs), ("ortools", ortools)):
                gaps[method].append(instance.gap(function(instance)))
            print(f"# {instance.name}: " + ", ".join(f"{method} {found[-1]:.2f}" for method, found in gaps.items()), flush=True)
        mean = statistics.mean(gaps["ecml"])
        peers = [statistics.mean(gaps[peer]) for peer in ("pyvrp", "hgs") if not any(gap != gap for gap in gaps[peer])]
        good = all(mean <= peer + 0.2 for peer in peers) and (target is None or mean <= target)
        table.add(name, len(names), shown(gaps["ecml"]), shown(gaps["pyvrp"]), shown(gaps["hgs"]), shown(gaps["ortools"]),
                  ("" if target is None else f"<= {target}; ") + "peers + 0.2", good,
                  all(not a > b for a, b in zip(gaps["ecml"], gaps["ortools"])))
    connection.execute("DROP TABLE IF EXISTS route_sites")
