"""Elasticities of thousands of products: the SQL statement beside statsmodels, a regression a product."""
import numpy
import statsmodels.api as sm

from harness import REPEAT, SCALE, Table, array, connect, in_turn

SALES = """CREATE TABLE price_log AS SELECT p AS product_id, w AS week, price, promo, exp(4 + e * ln(price / 10) + 0.3 * promo + 0.2 * noise) AS units
    FROM (SELECT p, -1.2 - 1.6 * random() AS e FROM generate_series(1, {}) p OFFSET 0) a, generate_series(1, 104) w,
    LATERAL (SELECT 10 * exp(0.4 * (random() - 0.5 + 0 * p * w)) AS price, (random() < 0.15)::int AS promo,
        sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS noise) x"""


def pricing_table():
    return Table("Prices", "Ratio: time of the peer, on arrays in memory, by that of ecml, the table's scan included.",
                 ["what", "rows x columns", "ecml ms", "peer", "peer ms", "ratio", "target", "ok", "quality"])


def pricing(table):
    connection = connect()
    products = max(int(2_000 * SCALE), 50)
    connection.execute("SELECT setseed(0.5)")
    connection.execute("DROP TABLE IF EXISTS price_log")
    connection.execute(SALES.format(products))
    connection.execute("ANALYZE price_log")
    data = array(connection, "SELECT product_id::float8, ln(price), promo::float8, ln(units) FROM price_log ORDER BY product_id, week")

    def peer(_):
        found = numpy.empty((products, 2))
        for p in range(products):
            rows = data[p * 104:(p + 1) * 104]
            fit = sm.OLS(rows[:, 3], sm.add_constant(rows[:, 1:3])).fit()
            found[p] = fit.params[1], fit.bse[1]
        return found

    query = "SELECT own_elasticity, own_std_error FROM ecml_elasticity('price_log')"
    times, results = in_turn({"ecml": lambda _: numpy.array(connection.execute(query).fetchall()), "peer": peer}, min(REPEAT, 3))
    ratio = times["peer"] / times["ecml"]
    table.add("ecml_elasticity, pooled", f"{len(data):,} x 3, {products:,} products", times["ecml"], "statsmodels OLS in a loop", times["peer"],
              ratio, 5.0, ratio >= 5, f"elasticities {numpy.max(numpy.abs(results['ecml'][0][:, 0] / results['peer'][0][:, 0] - 1)):.0e}, standard "
              f"errors {numpy.max(numpy.abs(results['ecml'][0][:, 1] / results['peer'][0][:, 1] - 1)):.0e} from the peer's")
