\echo ======================================================================
\echo Real data: an e-mail campaign to 64,000 customers
\echo ======================================================================
\echo
CREATE TABLE email (
	recency int, history_segment text, history float8, mens int, womens int, zip_code text, newbie int, channel text,
	segment text, visit int, conversion int, spend float8);
\copy email FROM PROGRAM 'gzip -dc "$ECML_DATA"/abtest/hillstrom_email.csv.gz' WITH (FORMAT csv, HEADER)

\echo Each e-mail against none, in visits, orders and money:
SELECT mail, metric, round((t).mean_a::numeric, 4) AS with_mail, round((t).mean_b::numeric, 4) AS without,
	round((t).difference::numeric, 4) AS difference, round((t).ci_low::numeric, 4) AS low,
	round((t).ci_high::numeric, 4) AS high, to_char((t).p_value, '9.9EEEE') AS p
FROM (
	SELECT mail, metric, ecml_ttest(value, CASE segment WHEN 'No E-Mail' THEN 'without' ELSE 'with' END) AS t
	FROM email,
		LATERAL (VALUES ('Mens E-Mail'), ('Womens E-Mail')) a (mail),
		LATERAL (VALUES ('visit', visit::float8), ('conversion', conversion::float8), ('spend', spend)) m (metric, value)
	WHERE segment IN ('No E-Mail', mail)
	GROUP BY mail, metric) r
ORDER BY mail, metric;
