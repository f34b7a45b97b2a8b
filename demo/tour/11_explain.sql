\echo ======================================================================
\echo 11. Why does the model say so, and does it still hold?
\echo ======================================================================
\echo
\echo Weekly units of one product, against price, promotion, season and the price of a competitor:
SELECT model, version, rows, skipped, (metrics ->> 'r2')::float8 AS r2
FROM ecml_train('weekly units', 'linreg',
	$$SELECT ln(units) AS ln_units, ln(price) AS ln_price, promo, season, ln(competitor_price) AS ln_competitor
	FROM sales WHERE product_id = 7 AND week < '2026-01-01'$$, 'ln_units', options => '{"missing": "impute"}');

\echo Three weeks explained: contributions to the logarithm of the units, which add up to the prediction.
SELECT w.week, e.feature, left(e.value, 8) AS value, round(e.contribution::numeric, 3) AS contribution,
	round(e.prediction::numeric, 3) AS prediction
FROM (SELECT week, ln(price) AS ln_price, promo, season, ln(competitor_price) AS ln_competitor FROM sales
	WHERE product_id = 7 AND week >= '2026-01-01' ORDER BY week LIMIT 3) w,
	LATERAL ecml_explain('weekly units', w) e;

\echo Which columns matter: by the model alone, and by what it loses on weeks that it has not seen.
SELECT feature, round(i.importance::numeric, 3) AS by_model, round(p.importance::numeric, 3) AS by_permutation,
	round(p.sd::numeric, 4) AS sd
FROM ecml_importance('weekly units') i
JOIN ecml_importance('weekly units', $$SELECT ln(units) AS ln_units, ln(price) AS ln_price, promo, season,
	ln(competitor_price) AS ln_competitor FROM sales WHERE product_id = 7 AND week >= '2026-01-01'$$, '{"repeats": 20}') p
	USING (feature)
ORDER BY p.importance DESC;

\echo The effect of the price, all else as it is:
SELECT round(exp(value)::numeric, 2) AS price, round(exp(prediction)::numeric) AS units
FROM ecml_partial_dependence('weekly units', $$SELECT ln(price) AS ln_price, promo, season,
	ln(competitor_price) AS ln_competitor FROM sales WHERE product_id = 7$$, 'ln_price', '{"points": 8}');

\echo Are the weeks of the new year like those of the training?
SELECT feature, round(psi::numeric, 3) AS psi, round(p_value::numeric, 3) AS p_value, drifted
FROM ecml_drift('weekly units', $$SELECT ln(price) AS ln_price, promo, season, ln(competitor_price) AS ln_competitor
	FROM sales WHERE product_id = 7 AND week >= '2026-01-01'$$);

\echo And if the competitor cut prices by a third, and half of the promotions were forgotten in the data?
SELECT feature, round(psi::numeric, 3) AS psi, round(p_value::numeric, 3) AS p_value, drifted
FROM ecml_drift('weekly units', $$SELECT ln(price) AS ln_price, CASE WHEN week::text < '2025' THEN promo END AS promo, season,
	ln(competitor_price * 0.67) AS ln_competitor FROM sales WHERE product_id = 7$$);
