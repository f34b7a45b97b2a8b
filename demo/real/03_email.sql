\echo ======================================================================
\echo Real data: an e-mail campaign to 64,000 customers
\echo ======================================================================
\echo
CREATE TABLE email (
	recency int, history_segment text, history float8, mens int, womens int, zip_code text, newbie int, channel text,
	segment text, visit int, conversion int, spend float8);
\copy email FROM PROGRAM 'gzip -dc "$ECML_DATA"/abtest/hillstrom_email.csv.gz' WITH (FORMAT csv, HEADER)

\echo
\echo Each of two e-mails against none, in visits, orders and money a customer:
SELECT mail, metric, (t).mean_a AS with_mail, (t).mean_b AS without, (t).difference, (t).ci_low, (t).ci_high, (t).p_value
FROM (
	SELECT mail, metric, ecml_ttest(value, CASE segment WHEN 'No E-Mail' THEN 'without' ELSE 'with' END) AS t
	FROM email,
		LATERAL (VALUES ('Mens E-Mail'), ('Womens E-Mail')) a (mail),
		LATERAL (VALUES ('visit', visit), ('conversion', conversion), ('spend', spend)) m (metric, value)
	WHERE segment IN ('No E-Mail', mail)
	GROUP BY mail, metric) r
ORDER BY mail, metric;
