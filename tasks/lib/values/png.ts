/** Pixels of PNG files, whatever the file compresses, orders or says beside them. */

import { createHash } from "node:crypto";
import { convertIndexedToRgb, decode, hasPngSignature } from "fast-png";
import pixelmatch from "pixelmatch";
import { ContentProblem } from "./content_problem.ts";

/** Pixels beyond this are no figure; the header is looked at before anything is unpacked. */
const MOST_PIXELS = 2 ** 27;

interface Pixels {
  width: number;
  height: number;
  channels: number;
  /** Of a channel's value, so that it has 16 bits. */
  scale: number;
  data: ArrayLike<number>;
}

/**
 * Which share of the pixels looks different, from 0 to 1: those whose colours are more than a tenth of the way from black
 * to white apart in a perceptual colour space, but for antialiased edges (pixelmatch, OKLab and HyAB).
 *
 * @returns or in words why they can't be compared
 * @throws {ContentProblem} if one is no PNG file
 */
export function imageDistance(a: Uint8Array<ArrayBuffer>, b: Uint8Array<ArrayBuffer>): number | string {
  const [one, other] = [decodePng(a), decodePng(b)];
  const { width, height } = one;
  if (width !== other.width || height !== other.height) {
    return `it has ${width} × ${height} pixels, the published one ${other.width} × ${other.height}`;
  }
  return pixelmatch(rgba(one), rgba(other), null, width, height) / (width * height);
}

function rgba({ width, height, channels, scale, data }: Pixels): Uint8Array {
  const result = new Uint8Array(width * height * 4).fill(255);
  const [isGrey, hasAlpha, divisor] = [channels < 3, channels === 2 || channels === 4, scale === 1 ? 257 : 1];
  for (let pixel = 0; pixel < width * height; pixel++) {
    const at = pixel * channels;
    for (let colour = 0; colour < 3; colour++) {
      result[pixel * 4 + colour] = Math.round(data[at + (isGrey ? 0 : colour)]! / divisor);
    }
    if (hasAlpha) result[pixel * 4 + 3] = Math.round(data[at + channels - 1]! / divisor);
  }
  return result;
}

/**
 * SHA-256 of the width and the height (as texts) and of each pixel's red, green, blue and alpha (16 bits each, big-endian).
 *
 * @throws {ContentProblem} if it is no PNG file
 */
export function hashOfPixels(file: Uint8Array<ArrayBuffer>): string {
  const { width, height, channels, scale, data } = decodePng(file);
  const hash = createHash("sha256").update(`${width} ${height} `);
  const row = new DataView(new ArrayBuffer(width * 8));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * channels;
      const isGrey = channels < 3;
      for (let colour = 0; colour < 3; colour++) {
        row.setUint16(x * 8 + colour * 2, data[at + (isGrey ? 0 : colour)]! * scale);
      }
      const hasAlpha = channels === 2 || channels === 4;
      row.setUint16(x * 8 + 6, hasAlpha ? data[at + channels - 1]! * scale : 0xffff);
    }
    hash.update(new Uint8Array(row.buffer));
  }
  return hash.digest("hex");
}

function decodePng(file: Uint8Array<ArrayBuffer>): Pixels {
  if (!hasPngSignature(file)) throw new ContentProblem("is not a PNG file");
  const header = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 24 || header.getUint32(16) * header.getUint32(20) > MOST_PIXELS) {
    throw new ContentProblem(`is cut off, or has more than ${MOST_PIXELS} pixels`);
  }
  let image;
  try {
    image = decode(file);
  } catch (error) {
    throw new ContentProblem(`is a damaged PNG file: ${(error as Error).message}`);
  }
  const { width, height, depth } = image;
  const data = image.palette === undefined ? image.data : convertIndexedToRgb(image);
  const channels = data.length / (width * height);
  if (!Number.isInteger(channels)) {
    throw new ContentProblem(`is a PNG file of ${depth} bits, which is not read`);
  }
  // 8 bits become 16 so that 255 is 65535.
  const scale = depth === 16 ? 1 : 257;
  return { width, height, channels, scale, data };
}
