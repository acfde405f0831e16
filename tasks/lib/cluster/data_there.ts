/** Data behind a login node: copied there once, kept by their SHA-256, and checked before anything uses them. */

import { basename, dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { loginOf, sendFiles } from "./login.ts";
import { shellQuote } from "../system/command.ts";

/** Data as both machines have them. */
export interface DataThere {
  name: string;
  /** Folder of their own, which the cluster has by another path. */
  folder: string;
  /** What is in it: a file, or a folder of files. */
  at: string;
  /** Of the file; of a folder, over its paths and bytes. */
  sha256: string;
  /** Where the project has them; absent where the steps are told the folder of their own. */
  link?: string;
}

/** With where they are here: links are followed. */
export interface DataToSend extends DataThere {
  from: string;
}

const PYTHON = "python3";

/**
 * Copies what is not there yet.
 *
 * @param place paths of this machine, as the cluster has them
 * @param program `tasks/inside/cluster/data_there.py`, as the cluster has it
 * @throws Failure(3) if data were changed there, or there is no room
 */
export async function sendData(
  host: string,
  program: string,
  data: DataToSend[],
  place: <T>(value: T) => T,
) {
  if (data.length === 0) return;
  const there = data.map(({ from: _, ...one }) => place(one));
  for (const [index, state] of (await statesOf(host, program, there)).entries()) {
    if (state === "changed") throw changed(host, there[index]!);
    if (state === "absent") await sendOne(host, data[index]!, there[index]!);
  }
  const states = await statesOf(host, program, there);
  const other = there.find((_, index) => states[index] !== "here");
  if (other === undefined) return;
  throw new Failure(
    3,
    `Cannot use the data "${other.name}" on ${host}: what has arrived there is not what was sent`,
    { remedy: `Remove it, and try again: ${removal(host, other)}` },
  );
}

async function sendOne(host: string, { from }: DataToSend, { folder, at }: DataThere) {
  const isFolder = (await Deno.stat(from)).isDirectory;
  if (isFolder) await sendFiles(host, from, join(folder, at), [...filesBelow(from)]);
  else await sendFiles(host, dirname(from), folder, [basename(from)]);
}

/** Those that its SHA-256 is over: files, and links to files. */
function* filesBelow(tree: string, folder = ""): Generator<string> {
  for (const { name, isDirectory, isSymlink } of Deno.readDirSync(join(tree, folder))) {
    const path = join(folder, name);
    if (isDirectory) yield* filesBelow(tree, path);
    else if (!isSymlink || Deno.statSync(join(tree, path)).isFile) yield path;
  }
}

async function statesOf(host: string, program: string, there: DataThere[]): Promise<unknown[]> {
  const input = new TextEncoder().encode(JSON.stringify(there));
  const { code, stdout, stderr } = await loginOf(host).run([PYTHON, program], { input });
  if (code === 0) return JSON.parse(stdout.trim().split("\n").at(-1)!);
  throw new Failure(3, `Cannot check the data on ${host}: ${stderr.trim().split("\n").at(-1)}`, {
    remedy: `${PYTHON} 3.8 or newer must be there: ssh ${host} ${PYTHON} --version`,
  });
}

function changed(host: string, data: DataThere): Failure {
  return new Failure(
    3,
    `Cannot use the data "${data.name}" on ${host}: ${join(data.folder, data.at)} ` +
      "was changed there since it was copied",
    { remedy: `Remove it, and it is copied again: ${removal(host, data)}` },
  );
}

function removal(host: string, { folder }: DataThere): string {
  return shellQuote(["ssh", host, shellQuote(["rm", "-r", "--", folder])]);
}
