\echo ======================================================================
\echo 6. A dirty CSV becomes a typed table, and no line is lost
\echo ======================================================================
\echo
\echo 'A supplier''s price list: semicolons, decimal commas, a line with a stray quote, one that is too short.'
\set list 'Article No;Title;Price;Valid From;Active\n00017;"Lamp ""Moon""";1.234,50;03.04.2024;yes\n00018;Chair 18" high;89,00;04.04.2024;no\n00019;"Broken;5,00;04.04.2024;yes\n00020;Vase\n00021;Table;;;yes\n'
SELECT table_name, rows_loaded, rows_rejected, lines
FROM ecml_load_csv(replace(:'list', '\n', E'\n'), 'price_list',
	'{"decimal": ",", "thousands": ".", "clean_names": true, "rejects": "price_list_rejects"}');

\echo The types were found by looking at every value; numbers with leading zeros are codes and stay text.
SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'price_list' ORDER BY ordinal_position;
SELECT * FROM price_list;

\echo What could not be loaded, and why:
SELECT * FROM price_list_rejects;
DROP TABLE price_list, price_list_rejects;
