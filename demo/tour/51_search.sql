\echo ======================================================================
\echo 51. Words: categories from titles, search, topics of reviews
\echo ======================================================================
\echo
\echo The category of a product, from its title.
SELECT model, rows, round((metrics ->> 'log_loss')::numeric, 3) AS log_loss
FROM ecml_train('category', 'text_logreg', 'SELECT title, lower(category) AS category FROM products', 'category');
SELECT ecml_classify('category', 'Modern Kettle') AS category;

\echo Which words say so?
SELECT value AS term, round(contribution::numeric, 2) AS contribution FROM ecml_explain('category', 'Modern Kettle');

\echo 'A search index of the shop; a customer who types too fast.'
SELECT rows, metrics ->> 'words' AS words FROM ecml_search_index('shop', 'SELECT product_id, title, category FROM products',
	'{"weights": {"title": 3}}');
SELECT id, round(score::numeric, 2) AS score, snippet, corrected FROM ecml_search('shop', 'runing sheo', 3);

\echo As the customer types.
SELECT * FROM ecml_suggest('shop', 'modern no', 3);

\echo What reviews talk about.
SELECT (ecml_train('themes', 'lda', 'SELECT body FROM reviews', options => '{"topics": 4, "iterations": 60, "max_df": 0.9}')).rows;
SELECT topic, string_agg(word, ' ' ORDER BY rank) AS words FROM ecml_topics('themes', 6) GROUP BY topic ORDER BY topic;

\echo 'A description that says what the attributes say.'
SELECT ecml_describe_product('{"name": "Trail 2", "brand": "Acme", "category": "running shoe", "color": "blue",
	"features": ["reflective laces", "a padded collar"], "weight": "250 g", "waterproof": true}');
