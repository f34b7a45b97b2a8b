-- Pictures: headers, sizes, hash, colours, pixels; files of all kinds, Pillow's pixels; errors.
BEGIN;
SELECT plan(57);

CREATE TABLE files (name text, format text, width int, height int, channels int, depth int, orientation int, tolerance int, file text,
	upright_width int, upright_height int, pixels text);
\copy files FROM '../data/image/images.tsv' WITH (FORMAT csv, DELIMITER E'\t', HEADER)
CREATE TABLE pictures AS
SELECT name, format, width, height, channels, depth, orientation, tolerance, decode(file, 'hex') AS file, upright_width, upright_height,
	decode(pixels, 'hex') AS pixels
FROM files;
SELECT is((SELECT count(*) FROM pictures), 35::bigint, 'there are pictures');

-- headers
SELECT is_empty($$
	SELECT * FROM pictures p, ecml_image_info(p.file) i
	WHERE (i.format, i.width, i.height, i.channels, i.depth, i.orientation, i.bytes)
		IS DISTINCT FROM (p.format, p.width, p.height, p.channels, p.depth, p.orientation, length(p.file)) $$, 'headers of all kinds');
SELECT is((SELECT (ecml_image_info(file)).animated FROM pictures WHERE name = 'webp animated'), true, 'an animation');
SELECT is((SELECT (ecml_image_info(file)).alpha FROM pictures WHERE name = 'png colour key'), true, 'a transparent colour');
SELECT is((SELECT ecml_image_info(NULL) IS NULL), true, 'NULL has no headers');

-- pixels
CREATE FUNCTION pg_temp.difference(a bytea, b bytea) RETURNS int LANGUAGE sql AS $$
	SELECT max(abs(get_byte(a, i) - get_byte(b, i))) FROM generate_series(0, length(a) - 1) i $$;
SELECT is_empty($$
	SELECT * FROM (SELECT *, ecml_image_pixels(file) AS got FROM pictures) p
	WHERE length(got) <> length(pixels) OR pg_temp.difference(got, pixels) > tolerance $$, 'pixels of Pillow');
SELECT is_empty($$
	SELECT * FROM pictures WHERE length(ecml_image_pixels(file, options => '{"channels": 1}')) <> upright_width * upright_height $$,
	'in grey');
SELECT is((SELECT length(ecml_image_pixels(file, 5, 7)) FROM pictures LIMIT 1), 105, 'of another size');
SELECT is((SELECT ecml_image_pixels(file, options => '{"upright": false}') = ecml_image_pixels(file) FROM pictures WHERE orientation = 3),
	false, 'not turned upright');
SELECT is(ecml_image_pixels(NULL), NULL, 'NULL has no pixels');
SELECT throws_ok('SELECT ecml_image_pixels(file, 3, NULL) FROM pictures', '22023', 'width and height belong together', 'a width alone');
SELECT throws_ok('SELECT ecml_image_pixels(file, options => ''{"channels": 2}'') FROM pictures', '22023', 'channels are 1 or 3',
	'two channels');

-- from pixels, and back
SELECT is(ecml_image_pixels(ecml_image_from_pixels('\x0102030405060708090a0b0c', 2, 2)), '\x0102030405060708090a0b0c',
	'a PNG of pixels gives them back');
SELECT is(ecml_image_pixels(ecml_image_from_pixels('\x00ff80', 3, 1, 1, '{"format": "webp", "quality": 100}'), options => '{"channels": 1}'),
	'\x00ff80', 'WebP of quality 100 too');
SELECT is((ecml_image_info(ecml_image_from_pixels('\x00ff80', 3, 1, 1, '{"format": "jpeg"}'))).format, 'jpeg', 'a JPEG');
SELECT is((ecml_image_info(ecml_image_from_pixels('\x00ff80', 3, 1, 1))).channels, 1, 'of grey');
SELECT throws_ok($$ SELECT ecml_image_from_pixels('\x0102', 2, 2) $$, '22023', 'the bytes are no picture of that shape', 'too few pixels');
SELECT throws_ok($$ SELECT ecml_image_from_pixels('\x', 0, 2) $$, '22023', 'no such size of a picture', 'no width');
SELECT throws_ok($$ SELECT ecml_image_from_pixels('\x01020304', 2, 2, 1, '{"format": "gif"}') $$, '22023',
	'invalid value for option "format" of ecml_image_from_pixels', 'GIF is not written');
SELECT throws_ok($$ SELECT ecml_image_from_pixels('\x01020304', 2, 2, 1, '{"qualty": 3}') $$, '22023',
	'unknown option "qualty" for ecml_image_from_pixels', 'an unknown option');

-- a scene: a red disc on a field from dark to light blue
CREATE FUNCTION pg_temp.scene(width int, height int, shift int DEFAULT 0) RETURNS bytea LANGUAGE sql AS $$
	SELECT ecml_image_from_pixels(decode(string_agg(
		CASE WHEN ((x - width / 2.0 - shift) / width) ^ 2 + ((y - height / 2.0) / height) ^ 2 < 0.06 THEN 'c80a1e'
			ELSE '0a14' || lpad(to_hex(60 + 190 * x / width), 2, '0') END, '' ORDER BY y, x), 'hex'), width, height)
	FROM generate_series(0, width - 1) x, generate_series(0, height - 1) y $$;
CREATE TABLE scenes AS SELECT 'one' AS name, pg_temp.scene(160, 120) AS photo
UNION ALL SELECT 'smaller', pg_temp.scene(80, 60)
UNION ALL SELECT 'jpeg', ecml_image_thumbnail(pg_temp.scene(160, 120), 160, 120, '{"format": "jpeg", "quality": 50}')
UNION ALL SELECT 'another', ecml_image_from_pixels((SELECT decode(string_agg(CASE WHEN (x / 11 + y / 9) % 2 = 0 THEN 'ffffff' ELSE '206020' END,
	'' ORDER BY y, x), 'hex') FROM generate_series(0, 99) x, generate_series(0, 99) y), 100, 100);

-- thumbnails
CREATE FUNCTION pg_temp.size(image bytea) RETURNS text LANGUAGE sql AS $$ SELECT format || ' ' || width || 'x' || height FROM ecml_image_info(image) $$;
SELECT is(pg_temp.size(ecml_image_thumbnail(photo, 64, 64)), 'png 64x48', 'a thumbnail keeps the shape') FROM scenes WHERE name = 'one';
SELECT is(pg_temp.size(ecml_image_thumbnail(photo, 64, 64, '{"fit": "crop"}')), 'png 64x64', 'cropped') FROM scenes WHERE name = 'one';
SELECT is(pg_temp.size(ecml_image_thumbnail(photo, 64, 64, '{"fit": "letterbox", "format": "webp"}')), 'webp 64x64', 'letterbox') FROM scenes WHERE name = 'one';
SELECT is(pg_temp.size(ecml_image_thumbnail(photo, 30, 70, '{"fit": "stretch"}')), 'png 30x70', 'stretched') FROM scenes WHERE name = 'one';
SELECT is(pg_temp.size(ecml_image_thumbnail(photo, 600, 600)), 'png 160x120', 'not enlarged') FROM scenes WHERE name = 'one';
SELECT is(pg_temp.size(ecml_image_thumbnail(photo, 600, 600, '{"enlarge": true}')), 'png 600x450', 'enlarged') FROM scenes WHERE name = 'one';
SELECT is(pg_temp.size(ecml_image_thumbnail(photo, 50, 50)), 'jpeg 50x38', 'a JPEG stays one') FROM scenes WHERE name = 'jpeg';
SELECT is((SELECT pg_temp.size(ecml_image_thumbnail(file, 10, 10)) FROM pictures WHERE name = 'jpeg orientation 6'), 'jpeg 7x10', 'upright');
SELECT is((SELECT pg_temp.size(ecml_image_thumbnail(file, 10, 10, '{"upright": false}')) FROM pictures WHERE name = 'jpeg orientation 6'),
	'jpeg 10x7', 'as it lies');
SELECT is(ecml_image_pixels(ecml_image_thumbnail(ecml_image_from_pixels('\x000000', 1, 1), 3, 1, '{"fit": "letterbox", "background": "#1020ff"}')),
	'\x1020ff0000001020ff', 'background');
SELECT cmp_ok((SELECT pg_temp.difference(ecml_image_pixels(photo, 20, 15, '{"filter": "area"}'),
	ecml_image_pixels((SELECT photo FROM scenes WHERE name = 'one'), 20, 15, '{"filter": "area"}')) FROM scenes WHERE name = 'jpeg'), '<', 40,
	'a JPEG looks like what it was made of');
SELECT throws_ok('SELECT ecml_image_thumbnail(photo, 0, 5) FROM scenes', '22023', 'no such size of a picture', 'width 0');
SELECT throws_ok('SELECT ecml_image_thumbnail(photo, 60000, 60000) FROM scenes', '22023', 'no such size of a picture', 'too large');
SELECT throws_ok('SELECT ecml_image_thumbnail(photo, 5, 5, ''{"background": "red"}'') FROM scenes', '22023', 'no colour: "red"', 'no colour');
SELECT throws_ok('SELECT ecml_image_thumbnail(photo, 5, 5, ''{"filter": "cubic"}'') FROM scenes', '22023',
	'invalid value for option "filter" of ecml_image_thumbnail', 'no filter');

-- hash
SELECT is((SELECT length(ecml_image_hash(photo)) FROM scenes LIMIT 1), 64, 'a hash has 64 bits');
SELECT cmp_ok((SELECT ecml_image_distance(ecml_image_hash(a.photo), ecml_image_hash(b.photo)) FROM scenes a, scenes b
	WHERE a.name = 'one' AND b.name = 'smaller'), '<=', 8, 'half the size: few bits differ');
SELECT cmp_ok((SELECT ecml_image_distance(ecml_image_hash(a.photo), ecml_image_hash(b.photo)) FROM scenes a, scenes b
	WHERE a.name = 'one' AND b.name = 'jpeg'), '<=', 4, 'as JPEG: few bits differ');
SELECT cmp_ok((SELECT ecml_image_distance(ecml_image_hash(a.photo), ecml_image_hash(b.photo)) FROM scenes a, scenes b
	WHERE a.name = 'one' AND b.name = 'another'), '>', 12, 'another picture: many');
SELECT results_eq($$ SELECT a, b FROM ecml_image_duplicates('SELECT name, photo FROM scenes', '{"distance": 10}') ORDER BY a, b $$,
	$$ VALUES ('one', 'jpeg'), ('one', 'smaller'), ('smaller', 'jpeg') $$, 'pairs that look alike, the one that came first first');
SELECT results_eq($$ SELECT a, b, distance FROM ecml_image_duplicates('SELECT i, h FROM (VALUES (1, B''0000''::bit(64)), (2, B''1111''::bit(64)),
		(3, ~B''0''::bit(64))) v (i, h)', '{"distance": 4}') $$,
	$$ VALUES ('1', '2', 4) $$, 'of stored hashes');

SELECT results_eq(format($$ SELECT a, b FROM ecml_image_duplicates('SELECT photo, 1 AS n, name FROM scenes', '%s') ORDER BY a, b $$, o),
	$$ VALUES ('one', 'jpeg'), ('one', 'smaller'), ('smaller', 'jpeg') $$, 'columns by their names: ' || o)
FROM (VALUES ('{"distance": 10, "id": "name", "image": "photo"}'), ('{"distance": 10, "id": "name"}')) v (o);
SELECT results_eq($$ SELECT a, b FROM ecml_image_duplicates('SELECT name, photo FROM scenes', '{"distance": 10, "image": "photo"}') ORDER BY a, b $$,
	$$ VALUES ('one', 'jpeg'), ('one', 'smaller'), ('smaller', 'jpeg') $$, 'the picture by its name, the key is the other column');
SELECT throws_ok($$ SELECT ecml_image_duplicates('SELECT name, photo FROM scenes', '{"image": "name"}') $$, '22023', 'column "name" holds no pictures', 'a column of texts');
SELECT throws_ok($$ SELECT ecml_image_duplicates('SELECT photo FROM scenes') $$, '22023', 'the source has not two columns', 'one column');

-- colours
SELECT results_eq($$ SELECT rank, color, round(share::numeric, 2) FROM ecml_image_colors(ecml_image_from_pixels('\xff0000ff00000000ffff0000', 4, 1), 5) $$,
	$$ VALUES (1, '#ff0000', 0.75), (2, '#0000ff', 0.25) $$, 'two colours and their shares');
SELECT cmp_ok((SELECT count(*) FROM scenes, ecml_image_colors(photo, 3)), '<=', 12::bigint, 'at most n');
SELECT is((SELECT color FROM scenes, ecml_image_colors(photo, 2) WHERE name = 'one' AND red > 150), '#c80a1e', 'the disc');
SELECT throws_ok('SELECT ecml_image_colors(photo, 0) FROM scenes', '22023', 'no such number of colours', 'no colours');

-- augmentation
SELECT is((SELECT ecml_image_augment(photo, '{"rotate": 20, "hue": 0.1}', 7) = ecml_image_augment(photo, '{"rotate": 20, "hue": 0.1}', 7)
	FROM scenes WHERE name = 'one'), true, 'the same seed changes a picture in the same way');
SELECT is((SELECT ecml_image_pixels(ecml_image_augment(photo, '{}', 7)) = ecml_image_pixels(photo) FROM scenes WHERE name = 'one'), true,
	'no options change nothing');

-- what is no picture
SELECT throws_ok($$ SELECT ecml_image_info('\x00112233') $$, '22000', 'the bytes are no picture of a known format', 'other bytes');
SELECT throws_ok($$ SELECT ecml_image_hash('') $$, '22000', 'the picture is empty', 'no bytes');
SELECT throws_ok($$ SELECT ecml_image_pixels(substr(photo, 1, 200)) FROM scenes WHERE name = 'jpeg' $$, '22000', NULL, 'a part of a JPEG');
SET LOCAL ecml.work_mem = '1MB';
SELECT throws_ok($$ SELECT ecml_image_thumbnail(ecml_image_from_pixels(decode(repeat('00', 1000000), 'hex'), 1000, 1000, 1), 9, 9) $$, '54000', NULL,
	'more than the working memory');
SELECT lives_ok($$ SELECT ecml_image_info('\x89504e470d0a1a0a0000000d494844520000ffff0000ffff080600000000000000') $$, 'headers of a large one can be read');

SELECT * FROM finish();
ROLLBACK;
