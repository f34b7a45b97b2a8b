-- ---- networks from elsewhere

CREATE FUNCTION ecml_import_onnx(name text, network bytea, options jsonb DEFAULT '{}',
	OUT model text, OUT version int, OUT width int, OUT height int, OUT channels int, OUT classes int, OUT parameters bigint)
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION ecml_import_onnx(text, bytea, jsonb) IS
'Makes a model of algorithm cnn from the bytes of an ONNX file, and activates it: an image classifier with a softmax or sigmoid at its end (one is added where it is missing), or with the option task = regression a number. Options: labels (array of the classes'' names, in the order of the outputs; default 0, 1, ...), preprocess (auto, unit, imagenet, tensorflow, caffe, none), scale, mean, std (x = (pixel * scale - mean) / std), channel_order (rgb, bgr), fit (crop, stretch, letterbox), crop (0.875: 224 of 256), filter, background, width and height (pixels; where the file leaves them open), output (a name), activation (auto, softmax, sigmoid, none), target (the column that evaluation compares with). Errors: data_exception for a damaged file, feature_not_supported for an operator that is not known (it is named), invalid_parameter_value, program_limit_exceeded, insufficient_privilege.';
