/** An RO-Crate of strangers: whether its files have the sizes and hashes that its metadata state. */

import { join } from "node:path";
import * as z from "zod/mini";
import { Failure } from "../../cli/failure.ts";
import { pluralize } from "../../cli/format.ts";
import { exists, sha256File } from "../../system/files.ts";
import { Folder, openRegular, readRegular } from "../../system/regular_file.ts";
import { insideProblem, tidyPath } from "../../values/relative_path.ts";

const METADATA = "ro-crate-metadata.json";

/** Whatever its contexts say, they are not fetched: the terms are those of RO-Crate 1.1 and later by their names. */
const CRATE = z.object({ "@graph": z.array(z.unknown()) });

const ENTITY = z.looseObject({
  "@id": z.optional(z.string()),
  "@type": z.optional(z.union([z.string(), z.array(z.string())])),
  sha256: z.optional(z.string()),
  contentSize: z.optional(z.union([z.string(), z.number()])),
});

/** Bytes of the metadata; 64 MiB describe 200,000 files. */
const LARGEST = 64 << 20;

const SHOWN = 5;

/** Beyond so many files that are not as the metadata state, nobody looks at the rest. */
const MOST_PROBLEMS = 1000;

/**
 * Checks every file that the metadata describe by a hash or a size.
 *
 * @returns what was checked, in words; undefined where there are no metadata
 * @throws Failure(2) with the files that are others, missing or outside
 */
export async function checkCrate(folder: string): Promise<string | undefined> {
  if (!await exists(join(folder, METADATA))) return undefined;
  const within = new Folder(folder);
  const problems: string[] = [];
  const paths = new Set<string>();
  let hashed = 0;
  for (const { "@id": id = "", sha256, contentSize } of await describedFiles(folder)) {
    if (problems.length === MOST_PROBLEMS) break;
    const path = tidyPath(decoded(id));
    const problem = paths.has(path)
      ? "is described twice"
      : await fileProblem(within, path, { sha256, size: contentSize });
    paths.add(path);
    if (problem !== undefined) problems.push(`${JSON.stringify(id)} ${problem}`);
    else if (sha256 !== undefined) hashed++;
  }
  if (problems.length === 0) return `${pluralize(hashed, "file")} with the hashes that the crate states`;
  const more = problems.length - SHOWN;
  const least = problems.length === MOST_PROBLEMS ? "at least " : "";
  throw new Failure(
    2,
    `Cannot take this crate: ${least}${pluralize(problems.length, "file")} not as it states`,
    {
      problems: [...problems.slice(0, SHOWN), ...(more > 0 ? [`and ${more} more`] : [])].map((message) => ({
        message,
      })),
      remedy: "Get the crate again from where its authors put it",
    },
  );
}

async function describedFiles(folder: string) {
  try {
    const text = new TextDecoder().decode(
      await readRegular(join(folder, METADATA), { within: new Folder(folder), most: LARGEST }),
    );
    const graph = CRATE.parse(JSON.parse(text))["@graph"];
    return graph.map((entity) => ENTITY.parse(entity)).filter((entity) =>
      [entity["@type"]].flat().includes("File") && !/^[a-z][a-z0-9+.-]*:/i.test(entity["@id"] ?? "")
    );
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(2, `Cannot read ${METADATA}: it is no RO-Crate's`);
  }
}

async function fileProblem(
  within: Folder,
  path: string,
  { sha256, size }: { sha256?: string; size?: string | number },
): Promise<string | undefined> {
  const outside = insideProblem(path);
  if (outside !== undefined) return outside;
  try {
    using file = await openRegular(join(within.path, path), { within });
    const { size: found } = await file.stat();
    if (size !== undefined && /^\d+$/.test(String(size)) && Number(size) !== found) {
      return `has ${found} bytes, not ${size}`;
    }
    if (sha256 === undefined) return undefined;
    const hash = await sha256File(join(within.path, path));
    return hash === sha256.toLowerCase() ? undefined : `has the SHA-256 ${hash}, not ${sha256}`;
  } catch (error) {
    return error instanceof Failure ? error.message : "is missing";
  }
}

/** Identifiers are relative URIs. */
function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
