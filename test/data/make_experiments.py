"""Reference values of distributions and of the functions of experiments, made with SciPy and statsmodels.

    python make_experiments.py > experiments.tsv

Columns: group, expression in SQL, its value, tolerance (relative; absolute where the value is 0).  Boundaries of looks are
those that Lan, DeMets and others print (ldbounds, five equal looks, 0.05 two-sided).
"""
import json
import warnings

import numpy as np
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.oneway import anova_oneway
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.proportion import (confint_proportions_2indep, power_proportions_2indep, proportion_confint,
                                          proportions_ztest)

warnings.simplefilter("ignore")
rng = np.random.default_rng(10)


def row(group, expression, value, tolerance=1e-10):
    value = float(value)
    if not np.isnan(value):
        text = "Infinity" if value == np.inf else "-Infinity" if value == -np.inf else repr(value)
        print("\t".join([group, expression, text, repr(tolerance)]))


def options(**given):
    return "'" + json.dumps(given) + "'"


def distributions():
    frozen = [("normal", (0.0, 1.0), stats.norm(0, 1)), ("normal", (35.2, 4.5), stats.norm(35.2, 4.5)),
              ("t", (3.5,), stats.t(3.5)), ("t", (120.0,), stats.t(120)), ("chi2", (4.0,), stats.chi2(4)),
              ("f", (3.0, 17.0), stats.f(3, 17)), ("beta", (2.5, 40.0), stats.beta(2.5, 40)),
              ("gamma", (3.0, 2.0), stats.gamma(3, scale=2)), ("binomial", (40.0, 0.3), stats.binom(40, 0.3)),
              ("poisson", (7.5,), stats.poisson(7.5))]
    for name, parameters, d in frozen:
        arguments = ", ".join(repr(p) for p in parameters)
        for u in (0.001, 0.2, 0.5, 0.9, 0.99999):
            x = float(d.ppf(u))
            density = d.pmf if name in ("binomial", "poisson") else d.pdf
            row("distributions", f"ecml_{name}_pdf({x!r}, {arguments})", density(x))
            row("distributions", f"ecml_{name}_cdf({x!r}, {arguments})", d.cdf(x))
            row("distributions", f"ecml_{name}_sf({x!r}, {arguments})", d.sf(x))
            row("distributions", f"ecml_{name}_quantile({u!r}, {arguments})", d.ppf(u))
            row("distributions", f"ecml_{name}_isf({u!r}, {arguments})", d.isf(u))
    row("distributions", "ecml_normal_sf(30)", stats.norm.sf(30))
    row("distributions", "ecml_t_sf(1e6, 40)", stats.t.sf(1e6, 40))
    row("distributions", "ecml_chi2_sf(1300, 3)", stats.chi2.sf(1300, 3))


def proportions():
    for _ in range(40):
        na, nb = (int(v) for v in rng.integers(20, 20000, 2))
        xa, xb = (int(rng.binomial(n, rng.uniform(0.02, 0.9))) for n in (na, nb))
        z, _ = proportions_ztest([xa, xb], [na, nb])
        base = f"ecml_prop_test({xa}, {na}, {xb}, {nb}"
        row("z-test", f"({base})).statistic", z)
        row("z-test", f"({base})).p_value", 2 * stats.norm.sf(abs(z)))
        row("z-test", f"({base}, {options(alternative='less')})).p_value", stats.norm.cdf(z))
        row("z-test", f"({base}, {options(pooled=False)})).statistic",
            (xa / na - xb / nb) / np.sqrt(xa / na * (1 - xa / na) / na + xb / nb * (1 - xb / nb) / nb))
        for method, name in (("newcomb", "newcombe"), ("agresti-caffo", "agresti-caffo"), ("wald", "wald")):
            low, high = confint_proportions_2indep(xa, na, xb, nb, method=method)
            row("interval", f"({base}, {options(interval=name)})).ci_low", low, 1e-9)
            row("interval", f"({base}, {options(interval=name)})).ci_high", high, 1e-9)
        low, high = confint_proportions_2indep(xb, nb, xa, na, method="log", compare="ratio")
        row("lift", f"({base})).lift_low", low - 1, 1e-9)
        row("lift", f"({base})).lift_high", high - 1, 1e-9)
    for _ in range(25):
        n = int(rng.integers(5, 3000))
        p = round(float(rng.uniform(0.02, 0.98)), 3)
        x = int(rng.binomial(n, p if rng.uniform() < 0.7 else rng.uniform()))
        base = f"ecml_prop_test_1samp({x}, {n}, {p}"
        for alternative in ("two-sided", "less", "greater"):
            test = stats.binomtest(x, n, p, alternative=alternative)
            given = options(exact=True, alternative=alternative, interval="exact")
            row("binomial test", f"({base}, {given})).p_value", test.pvalue)
            row("binomial test", f"({base}, {given})).ci_low", test.proportion_ci(0.95, "exact").low)
            row("binomial test", f"({base}, {given})).ci_high", test.proportion_ci(0.95, "exact").high)
        for method, name in (("wilson", "wilson"), ("agresti_coull", "agresti-coull")):
            low, high = proportion_confint(x, n, 0.05, method=method)
            row("binomial test", f"({base}, {options(interval=name)})).ci_low", max(0, low), 1e-9)
            row("binomial test", f"({base}, {options(interval=name)})).ci_high", min(1, high), 1e-9)


def fisher():
    tables = [[8, 2, 1, 5], [0, 5, 5, 0], [3, 0, 0, 3], [1, 1, 1, 1], [100, 2, 1000, 5], [7, 12, 0, 30], [900, 100, 500, 500]]
    tables += [[int(v) for v in rng.poisson(scale * rng.uniform(0, 1, 4))] for scale in (5, 5, 5, 40, 40, 40, 1000, 1000)]
    for table in tables:
        base = "ecml_fisher(" + ", ".join(map(str, table))
        square = np.array([table[:2], table[2:]])
        if 0 in square.sum(0) or 0 in square.sum(1):
            continue
        for alternative in ("two-sided", "less", "greater"):
            result = stats.fisher_exact(square, alternative=alternative)
            given = options(alternative=alternative)
            if result.pvalue > 1e-300:
                row("fisher", f"({base}, {given})).p_value", result.pvalue)
            if square.sum() < 1000:
                odds = stats.contingency.odds_ratio(square)
                interval = odds.confidence_interval(0.95, alternative)
                row("fisher", f"({base}, {given})).conditional_odds_ratio", odds.statistic, 1e-9)
                row("fisher", f"({base}, {given})).ci_low", interval.low, 1e-9)
                row("fisher", f"({base}, {given})).ci_high", interval.high, 1e-9)


def planning():
    t = TTestIndPower()
    for effect in (0.05, 0.2, 0.8):
        for ratio in (1, 0.5, 3):
            for alternative, theirs in (("two-sided", "two-sided"), ("greater", "larger")):
                for n in (5, 50, 2000):
                    row("power", f"ecml_power({effect}, {n}, {options(ratio=ratio, alternative=alternative)})",
                        t.power(effect, n, 0.05, ratio=ratio, alternative=theirs))
                row("sample size", f"(ecml_sample_size({effect}, {options(ratio=ratio, alternative=alternative)})).n",
                    t.solve_power(effect, None, 0.05, 0.8, ratio, theirs), 1e-6)
            row("least effect", f"ecml_mde(500, {options(ratio=ratio, sd=12.0)})",
                12 * t.solve_power(None, 500, 0.05, 0.8, ratio), 1e-4)  # its root finder stops early: power 0.79999
    row("power", f"ecml_power(-3, 100, {options(sd=10, alternative='less')})",
        t.power(-0.3, 100, 0.05, alternative="smaller"))
    row("power", f"ecml_power(0.1, 100, {options(sd=10, relative=True, baseline=40)})", t.power(0.4, 100, 0.05))
    for p in (0.02, 0.3):
        for d in (0.01, -0.015):
            for ratio in (1, 2):
                for n in (300, 20000):
                    given = options(metric="proportion", baseline=p, ratio=ratio)
                    row("power", f"ecml_power({d}, {n}, {given})",
                        power_proportions_2indep(d, p, n * ratio, ratio=1 / ratio, alpha=0.05).power)


def adjustments():
    for size in (1, 4, 23):
        p = [float(v) for v in rng.uniform(0, 1, size) ** 3]
        array = "ARRAY[" + ", ".join(map(repr, p)) + "]"
        for name, theirs in (("bonferroni", "bonferroni"), ("sidak", "sidak"), ("holm", "holm"),
                             ("hochberg", "simes-hochberg"), ("bh", "fdr_bh"), ("by", "fdr_by")):
            for i, v in enumerate(multipletests(p, method=theirs)[1]):
                row("adjust", f"(ecml_adjust_p({array}, '{name}'))[{i + 1}]", v)


def trust():
    for counts, weights in (([5100, 4900], [0.5, 0.5]), ([900, 1100, 1000], [1, 1, 1]), ([2010, 7990], [0.2, 0.8])):
        total = sum(counts)
        test = stats.chisquare(counts, [total * w / sum(weights) for w in weights])
        row("srm", f"(ecml_srm(ARRAY{counts}, ARRAY{weights})).statistic", test.statistic)
        row("srm", f"(ecml_srm(ARRAY{counts}, ARRAY{weights})).p_value", test.pvalue)
    looks = {"obrien_fleming": (4.8769, 3.3569, 2.6803, 2.2898, 2.0310), "pocock": (2.4380, 2.4268, 2.4101, 2.3966, 2.3859)}
    for spending, boundaries in looks.items():
        for i, z in enumerate(boundaries):
            row("looks", "(SELECT boundary FROM ecml_group_sequential(ARRAY[0.2, 0.4, 0.6, 0.8, 1], "
                f"{options(spending=spending)}) WHERE look = {i + 1})", z, 5e-5)
    # of two arms the probability to be better has a closed form for whole priors (Evan Miller's sum)
    a, b, c, d = 121, 881, 151, 851
    from scipy.special import betaln
    better = sum(np.exp(betaln(a + i, b + d) - np.log(d + i) - betaln(1 + i, d) - betaln(a, b)) for i in range(c))
    row("bayes", "(SELECT prob_best FROM ecml_bayes_ab(ARRAY[120, 150], ARRAY[1000, 1000]) WHERE variant = 2)", better, 1e-9)
    difference, error = 0.8, np.hypot(5, 5) / np.sqrt(1000)
    z = difference / error
    row("bayes", "(SELECT prob_best FROM ecml_bayes_ab_means(ARRAY[10, 10.8], ARRAY[5, 5], ARRAY[1000, 1000]) "
        "WHERE variant = 2)", stats.norm.cdf(z), 1e-9)
    row("bayes", "(SELECT expected_loss FROM ecml_bayes_ab_means(ARRAY[10, 10.8], ARRAY[5, 5], ARRAY[1000, 1000]) "
        "WHERE variant = 2)", error * stats.norm.pdf(z) - difference * stats.norm.sf(z), 1e-6)
    v, tau = 5 * 5 / 1000 * 2, 0.3
    ratio = np.sqrt(v / (v + tau**2)) * np.exp(tau**2 * 0.8**2 / (2 * v * (v + tau**2)))
    row("always valid", f"(ecml_msprt(1000, 10, 5, 1000, 10.8, 5, {options(tau=tau)})).p_value", min(1, 1 / ratio))


def array(values):
    return "ARRAY[" + ",".join(repr(float(v)) for v in values) + "]::float8[]"


def grouped(aggregate, columns, samples, **given):
    """A query of a field of an aggregate over groups a, b, ...; a sample is a list of arrays, one a column."""
    parts = []
    for name, sample in zip("abcdefgh", samples):
        unnested = ", ".join(f"unnest({array(v)}) AS v{i}" for i, v in enumerate(sample))
        parts.append(f"SELECT {unnested}, '{name}' AS g")
    arguments = ", ".join(f"v{i}" for i in range(columns)) + ", g" + (", " + options(**given) if given else "")
    return lambda field: f"(SELECT ({aggregate}({arguments})).{field} FROM ({' UNION ALL '.join(parts)}) s)"


def paired(aggregate, x, y, **given):
    arguments = "x, y" + (", " + options(**given) if given else "")
    return lambda field: f"(SELECT ({aggregate}({arguments})).{field} FROM unnest({array(x)}, {array(y)}) u (x, y))"


def sides():
    return ("two-sided", "less", "greater")


def ranks():
    cases = [(rng.normal(0, 1, m).round(d), rng.normal(shift, 1, n).round(d))
             for m, n, shift, d in ((5, 7, 1, 9), (8, 30, 0, 9), (12, 15, 0.5, 9), (40, 33, 0.7, 1), (6, 6, 0, 0), (1, 4, 0, 9),
                                    (60, 50, 3, 9))]
    for a, b in cases:
        for alternative in sides():
            test = stats.mannwhitneyu(a, b, alternative=alternative)
            query = grouped("ecml_mannwhitney", 1, [[a], [b]], alternative=alternative)
            row("mann-whitney", query("statistic"), test.statistic)
            row("mann-whitney", query("p_value"), test.pvalue)
            test = stats.mannwhitneyu(a, b, alternative=alternative, method="asymptotic", use_continuity=False)
            query = grouped("ecml_mannwhitney", 1, [[a], [b]], alternative=alternative, method="asymptotic", continuity=False)
            row("mann-whitney", query("p_value"), test.pvalue)
            test = stats.ks_2samp(a, b, alternative=alternative)
            query = grouped("ecml_ks", 1, [[a], [b]], alternative=alternative)
            row("ks", query("statistic"), test.statistic)
            row("ks", query("p_value"), test.pvalue, 1e-9)
    a, b = cases[3]
    row("ks", grouped("ecml_ks", 1, [[a], [b]])("location"), stats.ks_2samp(a, b).statistic_location)
    row("ks", grouped("ecml_ks", 1, [[a], [b]])("sign"), stats.ks_2samp(a, b).statistic_sign)
    a, b = rng.normal(0, 1, 12), rng.normal(0.5, 1, 15)
    for alternative in sides():
        test = stats.mannwhitneyu(a, b, alternative=alternative, method="exact")
        query = grouped("ecml_mannwhitney", 1, [[a], [b]], alternative=alternative, method="exact")
        row("mann-whitney", query("p_value"), test.pvalue)
    for n, digits, shift in ((10, 9, 0.5), (25, 9, 0.2), (49, 9, 0.1), (80, 9, 0.3), (60, 1, 0.2), (200, 1, 0.05)):
        x, y = rng.normal(0, 1, n).round(digits), rng.normal(shift, 1, n).round(digits)
        for alternative in sides():
            test = stats.wilcoxon(x, y, alternative=alternative)
            query = paired("ecml_wilcoxon", x, y, alternative=alternative)
            row("wilcoxon", query("statistic"), test.statistic)
            row("wilcoxon", query("p_value"), test.pvalue)
            test = stats.wilcoxon(x, y, alternative=alternative, method="asymptotic", correction=True)
            query = paired("ecml_wilcoxon", x, y, alternative=alternative, method="asymptotic", continuity=True)
            row("wilcoxon", query("p_value"), test.pvalue)
    for n, digits, strength in ((6, 9, 0.5), (30, 9, -0.4), (33, 9, 0.99), (50, 9, 0.2), (40, 0, 0.6), (150, 1, -0.3)):
        x = rng.normal(0, 1, n)
        y = (strength * x + rng.normal(0, 1, n)).round(digits)
        x = x.round(digits)
        for alternative in sides():
            for name, test in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
                result = test(x, y, alternative=alternative)
                query = paired(f"ecml_{name}", x, y, alternative=alternative)
                row(name, query("statistic"), result.statistic)
                row(name, query("p_value"), result.pvalue)
                if name == "pearson":
                    row(name, query("ci_low"), result.confidence_interval().low)
                    row(name, query("ci_high"), result.confidence_interval().high)


def groups():
    for sizes, spread in (((5, 8), 1), ((20, 3, 11), 3), ((30, 30, 30, 30), 1)):
        samples = [rng.normal(10 + 0.5 * i, 1 + spread * i, n) for i, n in enumerate(sizes)]
        query = grouped("ecml_anova", 1, [[s] for s in samples])
        test = stats.f_oneway(*samples)
        row("anova", query("statistic"), test.statistic)
        row("anova", query("p_value"), test.pvalue)
        test = anova_oneway(samples, use_var="unequal", welch_correction=True)
        query = grouped("ecml_anova", 1, [[s] for s in samples], welch=True)
        row("anova", query("statistic"), test.statistic)
        row("anova", query("p_value"), test.pvalue)
        row("anova", query("df_within"), test.df_denom)
        for center in ("median", "mean"):
            test = stats.levene(*samples, center=center)
            query = grouped("ecml_levene", 1, [[s] for s in samples], center=center)
            row("levene", query("statistic"), test.statistic)
            row("levene", query("p_value"), test.pvalue)
    for n in (30, 200):
        x = [rng.gamma(2, 10, n), rng.gamma(2, 10, n + 7)]
        y = [0.8 * x[0] + rng.normal(0, 5, n), 1 + 0.8 * x[1] + rng.normal(0, 5, n + 7)]
        # theta: slope of the covariate in a regression with a constant for each group
        design = np.block([[np.ones((n, 1)), np.zeros((n, 1)), x[0][:, None]],
                           [np.zeros((n + 7, 1)), np.ones((n + 7, 1)), x[1][:, None]]])
        theta = np.linalg.lstsq(design, np.concatenate(y), rcond=None)[0][2]
        mean = np.concatenate(x).mean()
        adjusted = [v - theta * (w - mean) for v, w in zip(y, x)]
        query = grouped("ecml_cuped", 2, list(zip(y, x)))
        row("cuped", query("theta"), theta, 1e-9)
        test = stats.ttest_ind(*adjusted, equal_var=False)
        row("cuped", query("statistic"), test.statistic, 1e-9)
        row("cuped", query("df"), test.df, 1e-9)
        row("cuped", query("p_value"), test.pvalue, 1e-8)
        row("cuped", query("ci_low"), test.confidence_interval().low, 1e-9)
        raw = sum(np.var(v, ddof=1) / len(v) for v in y)
        row("cuped", query("variance_reduction"), 1 - sum(np.var(v, ddof=1) / len(v) for v in adjusted) / raw, 1e-9)
        row("cuped", query("raw_p_value"), stats.ttest_ind(*y, equal_var=False).pvalue)
        # the ratio by its linear form: the variance of y - R x, by the mean of x
        ratios = [v.sum() / w.sum() for v, w in zip(y, x)]
        variances = [np.var(v - r * w, ddof=1) / w.mean() ** 2 / len(v) for v, w, r in zip(y, x, ratios)]
        query = grouped("ecml_ratio_test", 2, list(zip(y, x)))
        row("ratio", query("ratio_a"), ratios[0])
        row("ratio", query("statistic"), (ratios[0] - ratios[1]) / np.sqrt(sum(variances)), 1e-9)
    for table in ([[10, 20], [30, 25]], [[12, 5, 8], [3, 9, 14], [7, 7, 1]], [[1000, 900], [1100, 1200]]):
        table = np.array(table)
        cells = ", ".join(f"({i}, {j}, {v})" for (i, j), v in np.ndenumerate(table))
        source = f"FROM (VALUES {cells}) c (a, b, n), generate_series(1, n)"
        for correction in (True, False):
            for statistic in ("pearson", "log-likelihood"):
                test = stats.chi2_contingency(table, correction=correction, lambda_=statistic)
                given = options(correction=correction, statistic=statistic)
                row("chi2", f"(SELECT (ecml_chi2(a, b, {given})).statistic {source})", test.statistic)
                row("chi2", f"(SELECT (ecml_chi2(a, b, {given})).p_value {source})", test.pvalue)
        row("chi2", f"(SELECT (ecml_chi2(a, b, {options(correction=False)})).cramers_v {source})",
            stats.contingency.association(table, method="cramer"))


print(f"# SciPy {scipy.__version__}, statsmodels {statsmodels.__version__}; see make_experiments.py")
for make in (distributions, proportions, fisher, planning, adjustments, trust, ranks, groups):
    make()
