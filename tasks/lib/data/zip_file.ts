/** The files in a zip, as its central directory states them. */

/** @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.4.5 */
export const STORED = 0;
export const DEFLATED = 8;

export interface ZipFile {
  path: string;
  /** Where its local header begins in the archive, and what lies behind all that belongs to it begins. */
  offset: number;
  end: number;
  compressed: number;
  bytes: number;
  crc32: number;
  method: typeof STORED | typeof DEFLATED;
}

export interface ZipPlan {
  /** In the order of the archive. */
  files: ZipFile[];
  /** Each after the one that it lies in. */
  folders: string[];
  bytes: number;
}
