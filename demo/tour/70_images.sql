\echo ======================================================================
\echo 70. Product pictures: thumbnails, duplicates, colours
\echo ======================================================================
\echo
\echo The shop draws a picture for some of its products (a bottle, a box or a ball in the colour of the category), as PNG:
CREATE TABLE product_pictures AS
SELECT product_id, category, ecml_image_from_pixels(decode(string_agg(CASE WHEN inside THEN ink WHEN y > 50 THEN 'e6e1d7' ELSE 'fafaf5' END, '' ORDER BY y, x),
	'hex'), 64, 64) AS photo
FROM (SELECT product_id, category, (ARRAY['c83228', '285ac8', '288c50', 'e6aa1e', '6e3c96', '3ca0a0'])[1 + abs(hashtext(coalesce(category, ''))) % 6] AS ink,
		20 + product_id::int * 7 % 25 AS cx, 9 + product_id::int * 5 % 13 AS size, product_id::int % 3 AS kind FROM products ORDER BY product_id LIMIT 60) p,
	generate_series(0, 63) x, generate_series(0, 63) y,
	LATERAL (SELECT CASE kind WHEN 0 THEN (x - cx) ^ 2 + (y - 40) ^ 2 < size ^ 2 WHEN 1 THEN abs(x - cx) < size AND y BETWEEN 50 - size AND 52
		ELSE (abs(x - cx) < size / 2 AND y BETWEEN 30 AND 55) OR (abs(x - cx) < size / 5 AND y BETWEEN 30 - size AND 30) END AS inside) i
GROUP BY product_id, category;
SELECT i.format, i.width, i.height, count(*) AS pictures, sum(i.bytes) AS bytes FROM product_pictures, ecml_image_info(photo) i GROUP BY 1, 2, 3;

\echo Thumbnails, as JPEG on a square:
SELECT sum(length(ecml_image_thumbnail(photo, 24, 24, '{"fit": "letterbox", "format": "jpeg"}'))) AS bytes FROM product_pictures;

\echo Somebody uploads a picture that is there already, smaller and as JPEG. Which product has it?
SELECT b AS product_id, distance FROM ecml_image_duplicates($$
	(SELECT 'upload' AS id, ecml_image_thumbnail(photo, 48, 48, '{"format": "jpeg", "quality": 70}') AS photo FROM product_pictures WHERE product_id = 8)
	UNION ALL SELECT product_id::text, photo FROM product_pictures $$) WHERE a = 'upload' ORDER BY distance LIMIT 3;

\echo The palette of one, and all that are red:
SELECT c.rank, c.color, round(c.share::numeric, 2) AS share FROM product_pictures, ecml_image_colors(photo, 3) c
WHERE product_id = (SELECT min(product_id) FROM product_pictures);
SELECT category, count(*) AS red_things FROM product_pictures, ecml_image_colors(photo, 4) c
WHERE c.share > 0.05 AND c.red > 150 AND c.green < 90 AND c.blue < 90 GROUP BY category;
