\echo ======================================================================
\echo 8. How good are the scores, and from which one on should we act?
\echo ======================================================================
\echo
\echo A rule of thumb scores the customers: complaints raise the risk, a long time with us lowers it.
CREATE TEMP VIEW scored AS
SELECT customer_id, channel, churned, 1 / (1 + exp(1.2 - 0.9 * complaints + 0.03 * tenure)) AS score FROM customers;

\echo All metrics of it in one pass; some of them by channel:
SELECT channel, m ->> 'rows' AS customers, (m ->> 'prevalence')::float8 AS prevalence, (m ->> 'roc_auc')::float8 AS roc_auc,
	(m ->> 'log_loss')::float8 AS log_loss
FROM (SELECT channel, ecml_metrics(churned, score) AS m FROM scored GROUP BY channel) s
ORDER BY channel;

\echo Whom would a campaign reach?  Bins of equally many customers by falling score; gain is the share of all who leave.
SELECT (r).bin, (r).rows, (r).rate, (r).lift, (r).gain FROM (SELECT unnest(ecml_lift(churned, score, 5)) AS r FROM scored) s;

\echo A coupon costs 5, a customer who leaves 40.  From which score on should one be sent?
SELECT (b).threshold, (b).cost, (b).tp, (b).fp, (b).fn FROM (SELECT ecml_best_threshold(churned, score, 5, 40) AS b FROM scored) s;

\echo Are the scores probabilities?  What was predicted beside what happened:
SELECT (r).bin, (r).rows, (r).mean_score, (r).rate
FROM (SELECT unnest(ecml_calibration(churned, score, 5, 'quantile')) AS r FROM scored) s;

\echo The ROC curve as a picture, for a page or a file:
SELECT left(ecml_plot_roc(ecml_roc(churned, score), 'Churn'), 110) || ' ...' AS svg FROM scored;
