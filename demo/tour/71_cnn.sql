\echo ======================================================================
\echo 71. A network that knows product pictures
\echo ======================================================================
\echo
\echo What kind of thing is on a picture? The shop has drawn plates, books and towels, 20 x 20 pixels, in any colour.
CREATE TABLE drawn AS
SELECT n AS picture_id, kind, ecml_image_from_pixels(decode(string_agg(CASE WHEN inside THEN ink ELSE 'e6e1' || to_hex(208 + noise) END, '' ORDER BY y, x), 'hex'), 20, 20) AS photo
FROM (SELECT n, (ARRAY['plate', 'book', 'towel'])[n % 3 + 1] AS kind, 8 + n % 5 AS cx, 7 + n % 6 AS cy, 4 + n % 4 AS size,
		lpad(to_hex(n * 37 % 160), 2, '0') || lpad(to_hex(n * 91 % 160), 2, '0') || lpad(to_hex(n * 53 % 160), 2, '0') AS ink FROM generate_series(1, 240) n) p,
	generate_series(0, 19) y, generate_series(0, 19) x,
	LATERAL (SELECT hashint4(n * 400 + y * 20 + x) & 15 AS noise, CASE kind WHEN 'plate' THEN (x - cx) ^ 2 + (y - cy) ^ 2 < size ^ 2
		WHEN 'book' THEN abs(x - cx) < size AND abs(y - cy) < size ELSE abs(x - cx) < size AND abs(y - cy) < size AND (x + n) % 3 > 0 END AS inside) i
GROUP BY n, kind, ink;

\echo A quarter of them is kept for the exam.
SELECT model, version, rows, seconds, metrics ->> 'accuracy' AS accuracy, metrics ->> 'images_per_second' AS pictures_a_second
FROM ecml_train('looks', 'cnn', 'SELECT photo, kind FROM drawn WHERE picture_id % 4 > 0', target => 'kind', options => '{"epochs": 15}');
SELECT e -> 'accuracy' AS accuracy, e -> 'classes' AS classes, e -> 'confusion_matrix' AS confusion
FROM ecml_evaluate('looks', 'SELECT photo, kind FROM drawn WHERE picture_id % 4 = 0') e;

\echo One picture, as in a request: the classes by their probability, and how large the heat map is that tells where the network looked.
SELECT label, round(probability::numeric, 4) AS probability FROM ecml_image_classify('looks', (SELECT photo FROM drawn WHERE picture_id = 8));
SELECT i.format, i.width, i.height FROM drawn, ecml_image_info(ecml_image_explain('looks', photo)) i WHERE picture_id = 8;

\echo All at once:
SELECT label, count(*), round(avg(probability)::numeric, 3) AS mean_probability
FROM ecml_image_classify_all('looks', 'SELECT picture_id, photo FROM drawn', 'picture_id') GROUP BY label ORDER BY label;

\echo Which pictures look like it? The catalogue is indexed once; then any picture can be asked for, of the catalogue or not.
SELECT model, rows AS pictures, metrics -> 'dimensions' AS dimensions FROM ecml_image_index('looks', 'SELECT picture_id, photo FROM drawn');
SELECT s.rank, s.id, d.kind, round(s.similarity::numeric, 3) AS similarity
FROM ecml_similar_images('looks', (SELECT photo FROM drawn WHERE picture_id = 8), 4) s JOIN drawn d ON d.picture_id::text = s.id ORDER BY s.rank;

\echo The layers:
SELECT ecml_model_info('looks') ->> 'summary' AS summary;
