/** The pixels of a PNG figure, by their hash: `plot/curve.png#image`. What else stands in the file does not matter. */

import type { ClaimSource, SourceKind } from "./source.ts";

interface ImageSource extends ClaimSource {
  kind: "image";
}

export const IMAGE: SourceKind<ImageSource> = {
  name: "image",
  examples: ["plot/curve.png#image"],
  isText: false,
  isHash: true,

  parse({ step, file = "", place }) {
    if (place !== "image") return undefined;
    return /\.png$/i.test(file)
      ? { kind: "image", step, path: `${step}/${file}` }
      : { problem: "must name a PNG file before #image; #sha256 is for the bytes of any file" };
  },

  format({ path }) {
    return `${path}#image`;
  },

  async read({ path }, files) {
    const [bytes, { hashOfPixels }] = await Promise.all([files.bytes(path), import("../values/png.ts")]);
    const hex = hashOfPixels(bytes);
    return [{ value: hex, text: hex }];
  },

  async distance({ path }, files, reference) {
    const [bytes, { hashOfPixels, imageDistance }] = await Promise.all([
      files.bytes(path),
      import("../values/png.ts"),
    ]);
    const published = await Deno.readFile(reference.path);
    if (hashOfPixels(published) !== reference.value) {
      return `the published figure in ${reference.path} is another one`;
    }
    return imageDistance(bytes, published);
  },

  check(_source, value) {
    const isHash = typeof value === "string" && /^[\da-f]{64}$/i.test(value);
    return isHash ? undefined : {
      field: "value",
      problem:
        "must be the hash of the pixels, 64 hexadecimal digits in quotes, as deno task claim writes it; or published names a PNG file",
    };
  },
};
