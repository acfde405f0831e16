/** The files of tests: which there are, which a path or a change means, which must not run side by side. */

import { dirname, join, relative, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { ROOT } from "../system/product.ts";
import { callerFolder } from "../system/project_root.ts";

/** A file of tests, or several that run in one process. */
export interface TestFile {
  /** From the root, e.g. `test/plan/plan_test.ts`; of several their folder. */
  path: string;
  files: string[];
  language: "TypeScript" | "Python";
  bytes: number;
  /** It uses a container engine, whose images, names and ports all files share: one of these at a time. */
  usesEngine: boolean;
}

const IS_TEST = /_test\.(ts|py)$/;

/** What a file of tests imports if it starts containers. */
const ENGINE_SUPPORT = /support\/(?:docker|engines|elsewhere|devcontainer|jupyter)\.ts"/;

/**
 * The files of tests in these folders, or these files.
 *
 * @param paths as the user typed them; all tests without any
 * @throws Failure(2) for a path that holds no test.
 */
export async function findTests(paths: string[]): Promise<TestFile[]> {
  const all = await listTests("test");
  if (paths.length === 0) return all;
  const wanted = paths.map((path) => {
    const asked = relative(ROOT, resolve(callerFolder(), path));
    const found = all.filter((test) => test.path === asked || test.path.startsWith(`${asked}/`));
    if (found.length === 0) {
      throw new Failure(
        2,
        `Cannot test ${path}: it must be a file such as test/plan/plan_test.ts or a folder of them`,
      );
    }
    return found;
  });
  return all.filter((test) => wanted.some((found) => found.includes(test)));
}

async function listTests(folder: string): Promise<TestFile[]> {
  const found: TestFile[] = [];
  for await (const entry of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...await listTests(path));
    else if (IS_TEST.test(path)) {
      const text = await Deno.readTextFile(join(ROOT, path));
      const language = path.endsWith(".ts") ? "TypeScript" : "Python";
      found.push({
        path,
        files: [path],
        language,
        bytes: text.length,
        usesEngine: ENGINE_SUPPORT.test(text),
      });
    }
  }
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Folders of Python's tests that load torch: in one process it is loaded once, and what they share is trained once. */
const TOGETHER = ["test/src", "test/notebooks"];

/** The same files, those that are quicker in one process as one. */
export function together(tests: TestFile[]): TestFile[] {
  const folderOf = ({ path, language }: TestFile) =>
    language === "Python" ? TOGETHER.find((folder) => path.startsWith(`${folder}/`)) : undefined;
  return [...Map.groupBy(tests, (test) => folderOf(test) ?? test.path)].map(([path, members]) =>
    members.length === 1 ? members[0]! : {
      ...members[0]!,
      path,
      files: members.flatMap(({ files }) => files),
      bytes: members.reduce((sum, { bytes }) => sum + bytes, 0),
    }
  );
}

/** Tests of the house itself: quick, and about any file. */
const ALWAYS = ["test/house_test.ts", "test/maintenance/generate_test.ts", "test/maintenance/docs_test.ts"];

/**
 * The tests that are about the changed files: those of a room for a file of the room, and each changed test itself.
 * What else may fail through a change is left to the whole run.
 */
export function testsOf(changed: string[], tests: TestFile[]): TestFile[] {
  const wanted = [...ALWAYS, ...changed.flatMap(placesOf)];
  return tests.filter(({ path }) => wanted.some((place) => path === place || path.startsWith(`${place}/`)));
}

/** The files or folders of tests for a file. */
function placesOf(file: string): string[] {
  const [, room] = /^tasks\/lib\/([^/]+)\//.exec(file) ?? [];
  if (room !== undefined) return [`test/${room}`];
  if (IS_TEST.test(file)) return [file];
  const [, task] = /^tasks\/([^/]+)\.ts$/.exec(file) ?? [];
  if (task !== undefined) return ["test/cli", `test/tasks/${task}_task_test.ts`];
  const [, fixtures] = /^test\/fixtures\/([^/]+)\//.exec(file) ?? [];
  if (fixtures !== undefined) return [`test/${FIXTURES[fixtures] ?? fixtures}`];
  if (file.startsWith("src/")) return [`test/${dirname(file)}`];
  const known = PLACES.find(([folder]) => file.startsWith(folder));
  return known === undefined ? [] : [known[1]];
}

const FIXTURES: Record<string, string> = { build: "image", experiments: "experiment", resnet18: "src" };

const PLACES: [folder: string, tests: string][] = [
  ["tasks/inside/", "test/inside"],
  ["bench/", "test/bench"],
  ["notebooks/", "test/notebooks"],
  ["experiments/", "test/experiments"],
  ["experiment.yaml", "test/experiment"],
  [".devcontainer/", "test/containers/devcontainer_test.ts"],
];
