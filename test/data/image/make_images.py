#!/usr/bin/env python3
"""Pictures in all forms that are read, with the pixels that Pillow decodes; sizes that Pillow makes; hashes by imagehash.

    make_images.py FOLDER      writes images.tsv, resize.tsv, hash.tsv   (Pillow 12, imagehash 4.3, numpy)

images.tsv: name, format, width, height (as stored), channels, depth, orientation, flags, tolerance, file in hex, upright width,
height, and pixels (red, green, blue) over white in hex.  The interlaced PNG, and the JPEG of 4 channels with Adobe's mark, are put together here.
"""
import io
import struct
import sys
import zlib

import imagehash
import numpy as np
from PIL import Image, ImageFilter

W, H = 21, 14


def scene(width=W, height=H):
    """Smooth colours with an edge: lossy formats stay near."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    r = 255 * x / (width - 1)
    g = 255 * y / (height - 1)
    b = 128 + 100 * np.sin(x / 5) * np.cos(y / 4)
    a = np.stack([r, g, b], axis=-1)
    a[height // 4:height // 2, width // 3:width // 2] = [200, 40, 60]
    return Image.fromarray(a.clip(0, 255).astype(np.uint8), "RGB")


def alpha_of(image):
    y, x = np.mgrid[0:image.height, 0:image.width]
    return Image.fromarray(((x * 11 + y * 7) % 256).astype(np.uint8), "L")


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth, kind, rows, interlaced=False, extra=b""):
    """A PNG by hand: rows(y, xs) gives the bytes of pixels xs of row y."""
    raw = b""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] \
        if interlaced else [(0, 0, 1, 1)]
    for x0, y0, dx, dy in passes:
        for y in range(y0, height, dy):
            xs = list(range(x0, width, dx))
            if xs:
                raw += b"\0" + rows(y, xs)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def saved(image, **options):
    out = io.BytesIO()
    image.save(out, **options)
    return out.getvalue()


def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e.tobytes()


def over_white(image):
    if image.mode in ("LA", "PA", "P", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, image).convert("RGB")
    if image.mode.startswith("I;16") or image.mode == "I":
        return Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8), "L").convert("RGB")
    return image.convert("RGB")


def images():
    s = scene()
    rgb = np.asarray(s)
    rgba = s.copy()
    rgba.putalpha(alpha_of(s))
    palette = s.quantize(16)
    for n in range(1, 9):
        yield f"jpeg orientation {n}", saved(s, format="JPEG", quality=92, exif=exif(n)), 3
    yield "jpeg grey", saved(s.convert("L"), format="JPEG", quality=92), 3
    yield "jpeg progressive", saved(s, format="JPEG", quality=92, progressive=True), 3
    yield "jpeg 4:4:4", saved(s, format="JPEG", quality=92, subsampling=0), 3
    yield "jpeg restarts", saved(s, format="JPEG", quality=92, restart_marker_blocks=1), 3
    yield "jpeg cmyk", saved(s.convert("CMYK"), format="JPEG", quality=92), 4
    yield "png colour", saved(s, format="PNG"), 0
    yield "png colour, alpha", saved(rgba, format="PNG"), 1
    yield "png grey", saved(s.convert("L"), format="PNG"), 0
    yield "png grey, alpha", saved(rgba.convert("LA"), format="PNG"), 1
    yield "png palette", saved(palette, format="PNG"), 0
    yield "png palette, transparent", saved(palette, format="PNG", transparency=3), 0
    yield "png 1 bit", saved(s.convert("1"), format="PNG"), 0
    yield "png 16 bits, grey", png(W, H, 16, 0, lambda y, xs: b"".join(struct.pack(">H", (x * 3001 + y * 1777) % 65536) for x in xs)), 0
    yield "png 16 bits, colour", png(W, H, 16, 2, lambda y, xs: b"".join(
        struct.pack(">HHH", *(int(v) * 257 for v in rgb[y, x])) for x in xs)), 0
    yield "png interlaced", png(W, H, 8, 2, lambda y, xs: b"".join(bytes(rgb[y, x].tolist()) for x in xs), interlaced=True), 0
    yield "png colour key", png(W, H, 8, 2, lambda y, xs: b"".join(bytes(rgb[y, x].tolist()) for x in xs),
                                extra=chunk(b"tRNS", struct.pack(">HHH", 200, 40, 60))), 0
    yield "png orientation 6", saved(s, format="PNG", exif=exif(6)), 0
    yield "webp lossy", saved(s, format="WEBP", quality=90), 4
    yield "webp lossless", saved(s, format="WEBP", lossless=True), 0
    yield "webp lossless, alpha", saved(rgba, format="WEBP", lossless=True, exact=True), 1
    yield "webp lossy, alpha", saved(rgba, format="WEBP", quality=90), 4
    yield "webp orientation 8", saved(s, format="WEBP", lossless=True, exif=exif(8)), 0
    yield "webp animated", saved(s, format="WEBP", lossless=True, save_all=True, append_images=[s.transpose(Image.Transpose.ROTATE_180)]), 0
    yield "gif", saved(palette, format="GIF"), 0
    yield "gif, not interlaced", saved(palette, format="GIF", interlace=0), 0
    yield "gif, transparent", saved(palette, format="GIF", transparency=2), 0
    yield "gif animated", saved(palette, format="GIF", save_all=True, append_images=[palette.transpose(Image.Transpose.ROTATE_180)]), 0


def write_images(out):
    out.write("name\tformat\twidth\theight\tchannels\tdepth\torientation\ttolerance\tfile\tupright_width\tupright_height\tpixels\n")
    for name, data, tolerance in images():
        image = Image.open(io.BytesIO(data))
        orientation = image.getexif().get(0x0112, 1)
        image.seek(0)
        image.load()
        upright = over_white(image)
        turn = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
                5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
                8: Image.Transpose.ROTATE_90}.get(orientation)
        if turn is not None:
            upright = upright.transpose(turn)
        alpha = "alpha" in name or "transparent" in name or "key" in name or name == "webp animated"
        channels = 4 if "cmyk" in name else (1 if "grey" in name or "1 bit" in name else 3) + int(alpha)
        depth = 16 if "16 bits" in name else 1 if "1 bit" in name else 8
        out.write("\t".join(map(str, [
            name, image.format.lower(), image.width, image.height, channels, depth, orientation, tolerance, data.hex(),
            upright.width, upright.height, upright.tobytes().hex()])) + "\n")


def write_resize(out):
    rng = np.random.default_rng(7)
    source = rng.integers(0, 256, (23, 31, 3), dtype=np.uint8)
    # an edge that makes the filters with negative lobes overshoot
    source[:, :10] = 255
    source[:8] = 0
    image = Image.fromarray(source, "RGB")
    out.write("filter\twidth\theight\tpixels\n")
    out.write(f"source\t{image.width}\t{image.height}\t{image.tobytes().hex()}\n")
    for name, f in [("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC),
                    ("lanczos", Image.Resampling.LANCZOS)]:
        for size in [(9, 7), (31, 5), (50, 37), (1, 1), (31, 23)]:
            out.write(f"{name}\t{size[0]}\t{size[1]}\t{image.resize(size, f).tobytes().hex()}\n")


def write_hash(out):
    rng = np.random.default_rng(11)
    out.write("file\thash\n")
    for i in range(12):
        noise = Image.fromarray(rng.integers(0, 256, (6 + i, 8, 3), dtype=np.uint8), "RGB")
        image = noise.resize((96 - 3 * i, 64 + i), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(1))
        image = image.quantize(32).convert("RGB")
        out.write(f"{saved(image, format='PNG').hex()}\t{imagehash.phash(image)}\n")


def main():
    folder = sys.argv[1]
    for name, write in [("images", write_images), ("resize", write_resize), ("hash", write_hash)]:
        with open(f"{folder}/{name}.tsv", "w") as out:
            write(out)


main()
