"""Folders of images as batches of float32, bit for bit as the published transform makes them, but fast.

    folder = ImageFolder.read(root)                                  # image_folder.py
        .classes: tuple[str, ...]   .files: tuple[str, ...]   .labels: int64 array (N,)   .paths(indices)
    batches = open_batches(folder, indices, cache, device="cpu")     # batches.py
        batches.batch(rows)         float32 (len(rows), 3, 224, 224) on the device, contiguous, normalized
        batches.pixels(rows)        the same before normalization: uint8, resized
        batches.labels              int64 (len(indices),), on the device
    images = open_images(folder, indices, cache, size=224)           # cache.py
        images.pixels               uint8 (len(indices), 3, H, W), memory-mapped, read-only by convention
        images.labels               int64 (len(indices),)
    NormalizationTable(normalization, device).look_up(pixels)        # normalization.py
    resize_exact(pixels, (224, 224))                                 # resize.py

`indices` are places in the folder's order; `rows`, an int64 tensor, are places in `indices`.
Images are decoded once, into a file of the folder `cache`. Nothing here draws a random number.
"""
