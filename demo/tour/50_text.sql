\echo ======================================================================
\echo 50. What do customers write?
\echo ======================================================================
\echo
\echo 'Sentiment of the reviews by their stars, without any training.'
SELECT rating, count(*), round(avg(ecml_sentiment(body))::numeric, 2) AS sentiment FROM reviews WHERE body IS NOT NULL
GROUP BY rating ORDER BY rating;

\echo 'What led to it, and what it is about.'
SELECT review_id, d.label, round(d.polarity::numeric, 2) AS polarity, d.negative[1:3] FROM reviews, ecml_sentiment_detail(body) d
WHERE rating = 1 AND body IS NOT NULL ORDER BY review_id LIMIT 3;
SELECT * FROM ecml_aspects('I love the battery life, but the screen is terrible and the case broke.');

\echo 'Titles that are almost the same.'
SELECT a.title, b.title AS other, round(ecml_text_similarity(a.title, b.title)::numeric, 2) AS alike FROM products a JOIN products b
ON a.product_id < b.product_id WHERE ecml_text_similarity(a.title, b.title) > 0.6 ORDER BY alike DESC LIMIT 5;
