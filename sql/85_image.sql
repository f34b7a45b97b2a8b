-- ---- pictures: what they are, other sizes, hash, colours

CREATE FUNCTION ecml_image_info(image bytea,
	OUT format text, OUT width int, OUT height int, OUT channels int, OUT orientation int, OUT depth int, OUT alpha boolean,
	OUT animated boolean, OUT bytes int)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_image_info(bytea) IS
'What a picture''s headers say, without decoding it: format (jpeg, png, webp, gif), width and height in pixels as stored, channels (1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha, or CMYK), EXIF orientation (1 to 8; 5 to 8 swap width and height), bits a channel, whether it is transparent or animated, its bytes. Errors: data_exception for bytes that are no such picture.';

CREATE FUNCTION ecml_image_thumbnail(image bytea, width int, height int, options jsonb DEFAULT '{}') RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_image_thumbnail(bytea, int, int, jsonb) IS
'The picture in another size (pixels), upright, over a background where it is transparent, encoded again. Options: fit (inside: keeps its shape, at most that size; crop, letterbox, stretch: exactly that size), filter (area, bilinear, bicubic, lanczos, nearest), enlarge (default false), format (auto: as it came, GIF as PNG; jpeg, png, webp), quality (1 to 100, default 85; WebP of 100 is lossless), background (#ffffff), upright (default true). Errors: data_exception for bytes that are no whole picture, invalid_parameter_value, program_limit_exceeded.';

CREATE FUNCTION ecml_image_hash(image bytea) RETURNS bit
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_image_hash(bytea) IS
'A perceptual hash of 64 bits, bit(64): the same picture in another size, format or quality differs in few bits, others in about 32; see ecml_image_distance. Errors: data_exception for bytes that are no whole picture, program_limit_exceeded.';

CREATE FUNCTION ecml_image_distance(a bit, b bit) RETURNS int
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
BEGIN ATOMIC
	SELECT pg_catalog.bit_count(a OPERATOR(pg_catalog.#) b)::pg_catalog.int4;
END;
COMMENT ON FUNCTION ecml_image_distance(bit, bit) IS
'In how many bits two perceptual hashes differ, 0 to 64: up to about 6 it is the same picture. Errors: string_data_length_mismatch for hashes of different lengths.';

CREATE FUNCTION ecml_image_colors(image bytea, n int DEFAULT 5,
	OUT rank int, OUT color text, OUT share float8, OUT red int, OUT green int, OUT blue int) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000 ROWS 5;
COMMENT ON FUNCTION ecml_image_colors(bytea, int) IS
'The palette of a picture, at most n colours (1 to 256): each as #rrggbb and its red, green, blue (0 to 255), and its share of the area (0 to 1), the largest first. Errors: data_exception for bytes that are no whole picture, invalid_parameter_value for n, program_limit_exceeded.';

CREATE FUNCTION ecml_image_pixels(image bytea, width int DEFAULT NULL, height int DEFAULT NULL, options jsonb DEFAULT '{}') RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_image_pixels(bytea, int, int, jsonb) IS
'The pixels of a picture as bytes, row by row, red, green, blue: height * width * 3; brought to width and height when they are given. Options: channels (3, or 1: grey), fit (stretch, crop, letterbox), filter, background, upright. Errors: data_exception for bytes that are no whole picture, invalid_parameter_value, program_limit_exceeded.';

CREATE FUNCTION ecml_image_from_pixels(pixels bytea, width int, height int, channels int DEFAULT 3, options jsonb DEFAULT '{}') RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_image_from_pixels(bytea, int, int, int, jsonb) IS
'A picture (PNG by default) of raw pixels: width * height * channels bytes, row by row; channels 1 is grey, 3 red, green, blue. Options: format (png, jpeg, webp), quality (1 to 100). Errors: invalid_parameter_value for bytes of another length.';

CREATE FUNCTION ecml_image_augment(image bytea, options jsonb, seed bigint DEFAULT 0) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_image_augment(bytea, jsonb, bigint) IS
'A picture changed at random as training changes it, as PNG, to see what options do: flip, flip_vertical (true: half of the time), shift (part of the side), rotate (degrees), zoom, crop (part of the area), brightness, contrast, saturation (factors of 1 - x to 1 + x), hue (part of the circle), erase (probability). The same seed makes the same change. Errors: data_exception for bytes that are no whole picture, invalid_parameter_value.';

CREATE FUNCTION ecml_image_duplicates(source text, options jsonb DEFAULT '{}', OUT a text, OUT b text, OUT distance int) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_image_duplicates(text, jsonb) IS
'Pairs of pictures that look alike, of a source with a key and a picture (bytea) or its hash (bit(64)): their keys, in the order of the source, and in how many bits their hashes differ. Options: distance (at most so many bits, 0 to 16, default 6), id and image (columns; default the first and the second). Errors: undefined_table, undefined_column, invalid_parameter_value (options, a column of another type), data_exception (a damaged picture), program_limit_exceeded.';
