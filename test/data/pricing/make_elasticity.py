"""Reference values of demand curves: a made-up log of sales, and what statsmodels finds in it.

Writes sales.tsv and elasticity.tsv beside itself.  statsmodels 0.15: OLS (nonrobust and HC1), IV2SLS (whose standard errors
have the residual variance by n - k), and GLM Poisson with Pearson's dispersion, of a sixtieth of the units, among them zeros.  Numbers have 17 digits.
"""
import pathlib

import numpy
import statsmodels
import statsmodels.api as sm
from statsmodels.sandbox.regression.gmm import IV2SLS

HERE = pathlib.Path(__file__).parent
generator = numpy.random.default_rng(10)
rows = []
for product, (elasticity, n) in enumerate([(-1.4, 60), (-2.3, 45), (-0.7, 104)], start=1):
    shock = generator.normal(size=n)
    taste = generator.normal(size=n)
    promo = (generator.random(n) < 0.2).astype(int)
    price = numpy.round(10 * product * numpy.exp(0.1 * shock + 0.05 * taste - 0.1 * promo), 2)
    rival = numpy.round(10 * product * numpy.exp(0.1 * generator.normal(size=n)), 2)
    units = numpy.maximum(1, numpy.round(numpy.exp(5 + elasticity * numpy.log(price / (10 * product)) + 0.4 * promo
                                                   + 0.5 * numpy.log(rival / (10 * product)) + 0.2 * taste
                                                   + 0.1 * generator.normal(size=n))))
    for week in range(n):
        rows.append((product, week, price[week], rival[week], promo[week], int(units[week]), shock[week]))
with open(HERE / "sales.tsv", "w", encoding="ascii") as out:
    for row in rows:
        out.write("\t".join(str(v) if isinstance(v, int) else repr(float(v)) for v in row) + "\n")

data = numpy.array(rows, dtype=float)
with open(HERE / "elasticity.tsv", "w", encoding="ascii") as out:
    for product in (1, 2, 3):
        _, week, price, rival, promo, units, shock = data[data[:, 0] == product].T
        one = numpy.ones_like(price)
        log = numpy.log

        def write(case, fit):
            for name, estimate, error in zip(("", "price", "rival", "promo"), fit.params, fit.bse):
                if name:
                    out.write(f"{case}\t{product}\t{name}\t{float(estimate)!r}\t{float(error)!r}\n")

        logs = numpy.column_stack([one, log(price), log(rival), promo])
        levels = numpy.column_stack([one, price, rival, promo])
        write("log_log", sm.OLS(log(units), logs).fit())
        write("robust", sm.OLS(log(units), logs).fit(cov_type="HC1"))
        write("semi_log", sm.OLS(log(units), levels).fit())
        write("linear", sm.OLS(units, levels).fit())
        write("iv", IV2SLS(log(units), logs, instrument=numpy.column_stack([one, shock, log(rival), promo])).fit())
        few = numpy.floor(units / 60)
        write("poisson", sm.GLM(few, logs, family=sm.families.Poisson()).fit(scale="X2", tol=1e-14, maxiter=200))
print(f"statsmodels {statsmodels.__version__}, {len(rows)} rows")
