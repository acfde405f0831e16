import { extname } from "node:path";

const TYPES: Record<string, string> = {
  ".csv": "text/csv",
  ".html": "text/html",
  ".ipynb": "application/x-ipynb+json",
  ".jpg": "image/jpeg",
  ".json": "application/json",
  ".log": "text/plain",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".sig": "text/plain",
  ".svg": "image/svg+xml",
  ".txt": "text/plain",
  ".yaml": "application/yaml",
};

/** Media type by the end of a file's name. */
export function mediaType(path: string): string {
  return TYPES[extname(path).toLowerCase()] ?? "application/octet-stream";
}
