"""Recommenders and baskets: the SQL statement beside implicit, scikit-learn and mlxtend on arrays in memory.

The peers' own threads: as many as there are cores, BLAS with one, as implicit asks for.
"""
import gzip
import math
import os
import pathlib
import statistics
import time

import numpy
import psycopg
import scipy.sparse

from harness import REPEAT, SCALE, Table, connect, in_turn, value

SETS = {
    "online_retail": ("transactions/online_retail_2010_2011.csv.gz",
                      "(invoice_no text, stock_code text, description text, quantity int, invoice_date timestamp, "
                      "unit_price numeric, customer_id text, country text)",
                      "SELECT customer_id, stock_code, quantity, invoice_date FROM online_retail WHERE customer_id <> ''"),
    "completejourney": ("transactions/completejourney_transactions.csv.gz",
                        "(household_id int, store_id int, basket_id bigint, product_id int, quantity float8, sales_value float8, "
                        "retail_disc float8, coupon_disc float8, coupon_match_disc float8, week int, transaction_timestamp timestamp)",
                        "SELECT household_id, product_id, quantity, transaction_timestamp FROM completejourney"),
    "msweb": ("recommender/msweb_visits.csv.gz", '("user" text, item text, item_label text)', 'SELECT "user", item FROM msweb'),
}


def recommend_table():
    return Table("Recommenders and baskets", "Ratio: time of the peer, on arrays in memory, by that of ecml, the table's scan and "
                 "the storage of users included.", ["what", "size", "ecml ms", "peer", "peer ms", "ratio", "target", "ok", "quality"])


def serving_table():
    return Table("Recommendations in a request", "One user, 20,000 items, 64 factors, over a socket, prepared; ratio: by a primary "
                 "key look-up of one row in the same session (medians).", ["what", "microseconds", "ratio", "target", "ok"])


def lists_table():
    return Table("Quality of recommendations", "The last item of each user left out; lists of 10; means of three seeds. Both learn from "
                 "the same entries with the same factors, regularization, alpha and iterations.",
                 ["data", "what", "ndcg", "recall", "peer ndcg", "peer recall", "target", "ok"])


def interactions(connection):
    """A million rows: 50,000 users, 20,000 items, some sold much more often than others; and the item table."""
    rows = int(1_000_000 * SCALE)
    random = numpy.random.default_rng(1)
    user = random.integers(0, 50_000, rows)
    item = numpy.minimum((20_000 * random.random(rows) ** 2.2).astype(int), 19_999)
    quantity = 1 + user * item % 3
    connection.execute("DROP TABLE IF EXISTS taken, goods")
    connection.execute("CREATE TABLE taken (customer_id int, product_id int, quantity int)")
    with connection.cursor() as cursor, cursor.copy("COPY taken FROM STDIN") as copy:
        copy.write("".join(f"{u}\t{i}\t{q}\n" for u, i, q in zip(user, item, quantity)))
    connection.execute("CREATE TABLE goods AS SELECT i AS product_id, i % 5 AS stock, "
                       "(ARRAY['shoes', 'hats', 'socks'])[i % 3 + 1] AS category FROM generate_series(0, 19999) i")
    connection.execute("ALTER TABLE goods ADD PRIMARY KEY (product_id)")
    connection.execute("ANALYZE taken, goods")
    matrix = scipy.sparse.coo_matrix((quantity.astype(numpy.float32), (user, item)), shape=(50_000, 20_000)).tocsr()
    matrix.sum_duplicates()
    return matrix


def peer_limits():
    import threadpoolctl

    return threadpoolctl.threadpool_limits(1, "blas")


def training(table):
    try:
        import implicit
        from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
    except ImportError:
        print("left out: training of recommenders (implicit is not installed)")
        return
    connection = connect()
    matrix = interactions(connection)
    size = f"{int(1_000_000 * SCALE):,} rows"

    def add(what, ours, peer, theirs, target, quality=""):
        table.add(what, size, ours, peer, theirs, theirs / ours, target, theirs / ours >= target, quality)

    options = '{"weighting": "raw", "factors": 64, "iterations": 15, "regularization": 5}'
    with peer_limits():
        times, _ = in_turn({
            "ecml": lambda seed: connection.execute("SELECT ecml_train('bench als', 'als', 'taken', options => %s)", (options,)),
            "peer": lambda seed: implicit.als.AlternatingLeastSquares(64, regularization=5, iterations=15, random_state=seed)
            .fit(matrix, show_progress=False),
        }, min(REPEAT, 3), warm=False)
        add("als, 64 factors, 15 iterations", times["ecml"], "implicit", times["peer"], 1.0)
        for similarity, peer in (("cosine", CosineRecommender), ("bm25", BM25Recommender)):
            ours = f'{{"weighting": "raw", "similarity": "{similarity}", "neighbors": 20}}'
            model = peer(K=21)
            times, _ = in_turn({
                "ecml": lambda _: connection.execute("SELECT ecml_train('bench knn', 'item_knn', 'taken', options => %s)", (ours,)),
                "peer": lambda _: model.fit(matrix, show_progress=False),
            }, min(REPEAT, 3), warm=False)
            add(f"item_knn, {similarity}", times["ecml"], "implicit", times["peer"], 1.0, neighbours(connection, model))
            if similarity == "cosine":
                from sklearn.neighbors import NearestNeighbors

                items = matrix.T.tocsr()
                begin = time.perf_counter()
                distance, number = NearestNeighbors(n_neighbors=21, metric="cosine", algorithm="brute").fit(items).kneighbors(items)
                took = (time.perf_counter() - begin) * 1e3
                add("item_knn, cosine", times["ecml"], "scikit-learn brute", took, 10.0, distances(connection, distance, number))


def neighbours(connection, model):
    """The greatest difference of similarities to the peer's, over a sample of items."""
    worst = 0.0
    for item in range(0, 20_000, 400):
        ours = [score for (score,) in connection.execute("SELECT score FROM ecml_similar_items(%s::bigint, 20, 'bench knn')", (item,))]
        ids, scores = model.similarity[item].indices, model.similarity[item].data
        theirs = sorted((s for i, s in zip(ids, scores) if i != item), reverse=True)[:len(ours)]
        worst = max([worst] + [abs(a - b) / max(abs(b), 1e-9) for a, b in zip(ours, theirs)])
    return f"similarities {worst:.0e} from the peer's"


def distances(connection, distance, number):
    worst = 0.0
    for item in range(0, 20_000, 400):
        ours = [1 - score for (score,) in connection.execute("SELECT score FROM ecml_similar_items(%s::bigint, 20, 'bench knn')", (item,))]
        theirs = [d for d, i in zip(distance[item], number[item]) if i != item][:len(ours)]
        worst = max([worst] + [abs(a - b) for a, b in zip(ours, theirs)])
    return f"distances {worst:.0e} from the peer's"


def baskets(table):
    folder = pathlib.Path(os.environ["ECML_DATA"])
    path = folder / SETS["online_retail"][0]
    if not path.exists():
        print(f"left out: baskets ({path} is not there)")
        return
    try:
        import pandas
        from mlxtend.frequent_patterns import fpgrowth
    except ImportError:
        print("left out: baskets (mlxtend is not installed)")
        return
    connection = connect()
    load(connection, "online_retail")
    rows = connection.execute("SELECT DISTINCT invoice_no, stock_code FROM online_retail").fetchall()
    basket = {b: k for k, b in enumerate(dict.fromkeys(r[0] for r in rows))}
    item = {i: k for k, i in enumerate(dict.fromkeys(r[1] for r in rows))}
    matrix = scipy.sparse.coo_matrix((numpy.ones(len(rows), bool), ([basket[r[0]] for r in rows], [item[r[1]] for r in rows])),
                                     shape=(len(basket), len(item))).tocsr()
    frame = pandas.DataFrame.sparse.from_spmatrix(matrix.astype(bool), columns=list(item))
    query = ("SELECT count(*) FROM ecml_bought_together('SELECT invoice_no, stock_code FROM online_retail', "
             "'{\"min_support\": 0.01, \"min_confidence\": 0, \"max_length\": 4}')")
    times, results = in_turn({
        "ecml": lambda _: value(connection, query),
        "peer": lambda _: fpgrowth(frame, min_support=0.01, max_len=4, use_colnames=True),
    }, min(REPEAT, 3), warm=False)
    sets = results["peer"][0]
    # a set of n items makes n rules
    rules = sum(len(s) for s in sets["itemsets"] if len(s) > 1)
    counts = {frozenset(s): round(p * len(basket)) for s, p in zip(sets["itemsets"], sets["support"])}
    same = all(counts.get(frozenset([*items, consequent])) == count for items, consequent, count in connection.execute(
        query.replace("count(*)", "items, consequent, count")))
    table.add("ecml_bought_together, FP-growth", f"{len(basket):,} baskets", times["ecml"], "mlxtend fpgrowth", times["peer"],
              times["peer"] / times["ecml"], 20.0, times["peer"] / times["ecml"] >= 20 and same and rules == results["ecml"][0],
              f"{len(sets):,} sets; " + ("the same sets and counts" if same and rules == results["ecml"][0] else "OTHER SETS"))


def serving(table):
    connection = psycopg.connect(autocommit=True, prepare_threshold=1)
    interactions(connection)
    connection.execute("SELECT ecml_train('bench serve', 'als', 'taken', options => %s)",
                       ('{"items": "goods", "item_columns": ["category"]}',))

    def median(query, users, n=600):
        times = []
        for k in range(n):
            begin = time.perf_counter()
            connection.execute(query, (k * 37 % users,)).fetchall()
            times.append(time.perf_counter() - begin)
        return statistics.median(times[n // 6:]) * 1e6

    base = median("SELECT * FROM goods WHERE product_id = %s", 20_000)
    table.add("primary key look-up", base, 1.0, None, None)
    for what, query, target in (
            ("ecml_recommend", "SELECT * FROM ecml_recommend(%s::bigint, 10, 'bench serve')", 6.0),
            ("with a filter that a quarter passes", "SELECT * FROM ecml_recommend(%s::bigint, 10, 'bench serve', "
             "'{\"filter\": \"stock > 0 AND category = ''shoes''\"}')", 12.0),
            ("with reasons", "SELECT * FROM ecml_recommend(%s::bigint, 10, 'bench serve', '{\"reasons\": true}')", None)):
        took = median(query, 50_000)
        table.add(what, took, took / base, target, None if target is None else took / base <= target)


def load(connection, name):
    path, columns, _ = SETS[name]
    connection.execute(f"DROP TABLE IF EXISTS {name}")
    connection.execute(f"CREATE TABLE {name} {columns}")
    with connection.cursor() as cursor, gzip.open(pathlib.Path(os.environ["ECML_DATA"]) / path) as lines, \
            cursor.copy(f"COPY {name} FROM STDIN (FORMAT csv, HEADER)") as copy:
        while chunk := lines.read(1 << 20):
            copy.write(chunk)


def left_out(rows):
    """Entries of a training matrix, and the item that each user with two or more took last: as ecml_evaluate splits."""
    users, items, last, taken = {}, {}, {}, {}
    for place, row in enumerate(rows):
        user, item, quantity, at = (*row, 1, place)[:4] if len(row) == 2 else row
        if quantity > 0:
            taken.setdefault(user, set()).add(item)
            if user not in last or at >= last[user][0]:
                last[user] = (at, item)
    entries, wanted = [], {}
    for row in rows:
        user, item = row[0], row[1]
        u, i = users.setdefault(user, len(users)), items.setdefault(item, len(items))
        if user in last and len(taken[user]) > 1 and item == last[user][1]:
            wanted[u] = i
        else:
            entries.append((u, i, float(row[2]) if len(row) > 2 else 1.0))
    u, i, v = map(numpy.array, zip(*entries))
    matrix = scipy.sparse.coo_matrix((v, (u, i)), shape=(len(users), len(items))).tocsr()
    matrix.sum_duplicates()
    matrix.data[matrix.data < 0] = 0
    matrix.eliminate_zeros()
    return matrix.astype(numpy.float32), wanted


def lists(table):
    try:
        import implicit
    except ImportError:
        print("left out: quality of recommendations (implicit is not installed)")
        return
    connection = connect()
    for name, (path, _, source) in SETS.items():
        if not (pathlib.Path(os.environ["ECML_DATA"]) / path).exists():
            print(f"left out: quality of recommendations on {name} ({path} is not there)")
            continue
        load(connection, name)
        matrix, wanted = left_out(connection.execute(source).fetchall())
        tested = numpy.array(sorted(wanted))
        seeds = range(1, 4)
        for regularization in (0.05, 5):
            theirs, ours = [], []
            with peer_limits():
                for seed in seeds:
                    model = implicit.als.AlternatingLeastSquares(64, regularization=regularization, iterations=15, random_state=seed)
                    model.fit(matrix, show_progress=False)
                    ids, _ = model.recommend(tested, matrix[tested], N=10)
                    places = [numpy.flatnonzero(row == wanted[u]) for row, u in zip(ids, tested)]
                    theirs.append((numpy.mean([1 / math.log2(p[0] + 2) if len(p) else 0 for p in places]),
                                   numpy.mean([len(p) > 0 for p in places])))
            for seed in seeds:
                connection.execute("SELECT ecml_train('bench lists', 'als', %s, options => jsonb_build_object('weighting', 'raw', "
                                   "'regularization', %s::float8, 'seed', %s::int))", (source, regularization, seed))
                metrics = value(connection, "SELECT ecml_evaluate('bench lists', %s, '{\"split\": \"leave_last_out\"}')", source)
                ours.append((metrics["ndcg"], metrics["recall"]))
            ours, theirs = numpy.mean(ours, 0), numpy.mean(theirs, 0)
            table.add(name, f"als, regularization {regularization}, by implicit's", *ours, *theirs, "0.99 of the peer",
                      bool(ours[0] >= 0.99 * theirs[0] and ours[1] >= 0.99 * theirs[1]))
        best = None
        # the last two are measured with what is bought again; each beside popularity by the same measure
        for algorithm, options in (("als", "{}"), ("item_knn", "{}"), ("user_knn", "{}"), ("hybrid", "{}"),
                                   ("hybrid", '{"parts": ["repeat", "als", "item_knn", "popular"]}'),
                                   ("hybrid", '{"parts": ["repeat", "popular"]}')):
            connection.execute("SELECT ecml_train('bench lists', %s, %s, options => %s)", (algorithm, source, options))
            metrics = value(connection, "SELECT ecml_evaluate('bench lists', %s, '{\"split\": \"leave_last_out\"}')", source)
            if best is None or metrics["ndcg"] * best[1]["popularity"]["ndcg"] > best[1]["ndcg"] * metrics["popularity"]["ndcg"]:
                best = algorithm + ("" if metrics["exclude_seen"] else " with repeat, what is bought again counted"), metrics
        popular = best[1]["popularity"]
        table.add(name, f"{best[0]}, defaults, by popularity", best[1]["ndcg"], best[1]["recall"], popular["ndcg"], popular["recall"],
                  "1.1 of popularity", best[1]["ndcg"] >= 1.1 * popular["ndcg"])
