/** `reproduce IDENTIFIER` and `data get`: experiments of strangers, fetched and looked at before anything of them runs. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { parseIdentifier } from "../../tasks/lib/data/identifier/identifier.ts";
import { standIn } from "../../tasks/lib/data/download/web_address.ts";
import { exists } from "../../tasks/lib/system/files.ts";
import { zipOf } from "../support/data_project.ts";
import { Project } from "../support/project.ts";
import {
  type Answers,
  dataverse,
  figshare,
  handle,
  online,
  Redirect,
  zenodo,
} from "../support/repositories_online.ts";

const YAML = `name: test
steps:
  train:
    run: [python, train.py, --out, "{out}"]
claims:
  - { name: value, from: "train/metrics.json#/value", value: 0.9 }
`;

const TRAIN = `import json, sys, pathlib
out = pathlib.Path(sys.argv[2])
(out / "metrics.json").write_text(json.dumps({"value": 0.9}))
`;

const FILES = { "experiment.yaml": YAML, "train.py": TRAIN };

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

Deno.test("parseIdentifier() takes addresses of git with a commit, DOIs and zips, and says what is wrong with others", async (t) => {
  const taken: [text: string, expected: unknown][] = [
    [`https://h.org/o/n@${COMMIT}`, { kind: "git", address: "https://h.org/o/n", commit: COMMIT }],
    [`git+https://h.org/o/n.git#${COMMIT}`, {
      kind: "git",
      address: "https://h.org/o/n.git",
      commit: COMMIT,
    }],
    [`git@h.org:o/n.git@${COMMIT}`, { kind: "git", address: "git@h.org:o/n.git", commit: COMMIT }],
    [`file:///srv/n#${COMMIT}`, { kind: "git", address: "file:///srv/n", commit: COMMIT }],
    [`https://github.com/o/n/tree/${COMMIT}`, {
      kind: "git",
      address: "https://github.com/o/n",
      commit: COMMIT,
    }],
    ["doi:10.5281/zenodo.1", { kind: "doi", doi: "10.5281/zenodo.1" }],
    ["https://doi.org/10.7910/DVN/ABC", { kind: "doi", doi: "10.7910/dvn/abc" }],
    ["run.zip", { kind: "zip", file: "run.zip" }],
    ["file:///srv/run.zip", { kind: "zip", file: "/srv/run.zip" }],
    ["https://h.org/run.zip", { kind: "zip", address: "https://h.org/run.zip" }],
  ];
  for (const [text, expected] of taken) {
    await t.step(text, () => assert.deepEqual(parseIdentifier(text), expected));
  }
  const refused: [text: string, message: RegExp][] = [
    ["https://h.org/o/n", /the commit is missing/],
    ["git@h.org:o/n", /the commit is missing/],
    ["https://h.org/o/n@main", /"main" is no whole commit/],
    ["https://h.org/o/n@0123abc", /"0123abc" is no whole commit/],
    [`ext::sh -c evil% @${COMMIT}`, /only https, ssh and file/],
    [`http://h.org/o/n@${COMMIT}`, /only https, ssh and file/],
    [`https://me:secret@h.org/o/n@${COMMIT}`, /holds a user or password/],
    [`--upload-pack=evil@${COMMIT}`, /it is no identifier/],
    ["doi:11/x", /a DOI is 10\.NUMBER/],
  ];
  for (const [text, message] of refused) {
    await t.step(text, () => assert.throws(() => parseIdentifier(text), message));
  }
});

Deno.test("standIn() leads tests to this machine, and nothing leads a user's requests to another one", () => {
  const ask = (base: string) => {
    Deno.env.set("EXPERIMENT_TEST_WEB_ON_LOOPBACK", base);
    try {
      return standIn(new URL("https://zenodo.org/api?q=1")).href;
    } finally {
      Deno.env.delete("EXPERIMENT_TEST_WEB_ON_LOOPBACK");
    }
  };
  assert.equal(ask("http://127.0.0.1:8000/"), "http://127.0.0.1:8000/zenodo.org/api?q=1");
  for (
    const other of ["http://evil.example/", "https://127.0.0.1/", "http://127.0.0.1.evil.example/", "x", ""]
  ) {
    assert.equal(ask(other), "https://zenodo.org/api?q=1");
  }
});

async function git(root: string, ...args: string[]): Promise<string> {
  const identity = [
    "-c",
    "user.name=A",
    "-c",
    "user.email=a@example.org",
    "-c",
    "protocol.file.allow=always",
  ];
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args: [...identity, "-C", root, ...args],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

async function commitAll(root: string): Promise<string> {
  await git(root, "init", "--quiet");
  await git(root, "add", "--all");
  await git(root, "commit", "--quiet", "--message", "all");
  return await git(root, "rev-parse", "HEAD");
}

Deno.test("a commit of strangers is shown, not run without a yes, and then reproduced by its record", async () => {
  await using theirs = await Project.make(FILES);
  const commit = await commitAll(theirs.root);
  await using mine = await Project.make({});
  const address = `file://${theirs.root}@${commit}`;
  const asked = await mine.task("reproduce", [address, "--into", "first", "--engine", "host"]);
  assert.equal(asked.code, 2, asked.stderr);
  assert.match(asked.stdout, /To fetch .* to .*\/first/);
  assert.match(asked.stdout, /train\.py --out/);
  assert.match(asked.stdout, /This is code of others/);
  assert.match(asked.stderr, /Nothing was run: nobody can be asked here/);
  assert.equal(await exists(mine.path("first", "train.py")), true);
  assert.equal(await exists(mine.path("first", "runs")), false);
  const run = await mine.task("reproduce", [address, "--engine", "host", "--yes"]);
  assert.equal(run.code, 0, run.stderr);
  const folder =
    [...Deno.readDirSync(mine.root)].find(({ name }) => name.endsWith(`-${commit.slice(0, 8)}`))!.name;
  const [id] = [...Deno.readDirSync(mine.path(folder, "runs", "test"))].filter(({ isDirectory }) =>
    isDirectory
  );
  const { attempts } = await mine.json(folder, "runs", "test", id!.name, "evidence.json");
  assert.equal(attempts[0].code.commit, commit);
  const again = await mine.task("reproduce", [address, "--yes"]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /is there already, and nothing is overwritten/);
});

Deno.test("of a commit nothing is executed: no hook, filter or submodule", async () => {
  await using other = await Project.make({ "a.txt": "a" });
  await commitAll(other.root);
  await using theirs = await Project.make({
    ...FILES,
    ".gitattributes": "*.txt filter=evil\n",
    "b.txt": "b",
  });
  await git(theirs.root, "init", "--quiet");
  await git(theirs.root, "submodule", "--quiet", "add", `file://${other.root}`, "sub");
  const commit = await commitAll(theirs.root);
  await using mine = await Project.make({
    gitconfig: `[filter "evil"]\n\tsmudge = touch ${theirs.path("smudged")}\n[core]\n\thooksPath = ${
      theirs.path("hooks")
    }\n`,
  });
  await theirs.write("hooks/post-checkout", `#!/bin/sh\ntouch ${theirs.path("hooked")}\n`);
  await Deno.chmod(theirs.path("hooks", "post-checkout"), 0o755);
  const got = await mine.task("data", ["get", `file://${theirs.root}#${commit}`, "--into", "it"], {
    GIT_CONFIG_GLOBAL: mine.path("gitconfig"),
  });
  assert.equal(got.code, 0, got.stderr);
  assert.match(got.stdout, /the submodule "sub" is not fetched/);
  assert.deepEqual([...Deno.readDirSync(mine.path("it", "sub"))], []);
  for (const trace of ["smudged", "hooked"]) assert.equal(await exists(theirs.path(trace)), false, trace);
});

Deno.test("a commit is refused for links that leave it, and where it is not there", async (t) => {
  await using mine = await Project.make({});
  const cases: [what: string, leads: string][] = [
    ["above", "../../etc/passwd"],
    ["absolute", "/etc/passwd"],
    ["git's own", ".git/config"],
  ];
  for (const [what, leads] of cases) {
    await t.step(what, async () => {
      await using theirs = await Project.make(FILES);
      await Deno.symlink(leads, theirs.path("link"));
      const commit = await commitAll(theirs.root);
      const { code, stderr } = await mine.task("data", [
        "get",
        `file://${theirs.root}@${commit}`,
        "--into",
        "it",
      ]);
      assert.equal(code, 2);
      assert.match(stderr, /the link "link" leads out of it/);
      assert.deepEqual([...Deno.readDirSync(mine.root)], []);
    });
  }
  await t.step("no such commit", async () => {
    await using theirs = await Project.make(FILES);
    await commitAll(theirs.root);
    const { code, stderr } = await mine.task("data", ["get", `file://${theirs.root}@${COMMIT}`]);
    assert.equal(code, 2);
    assert.match(stderr, /it has no commit 0123/);
  });
  await t.step("no repository", async () => {
    const { code, stderr } = await mine.task("data", ["get", `file:///nowhere/at/all@${COMMIT}`]);
    assert.equal(code, 3);
    assert.match(stderr, /does not appear to be a git repository/);
  });
});

async function crateZip(
  change: Record<string, string> = {},
  more: unknown[] = [],
): Promise<Uint8Array<ArrayBuffer>> {
  const graph = [
    { "@id": "ro-crate-metadata.json", "@type": "CreativeWork" },
    ...Object.entries(FILES).map(([path, text]) => ({
      "@id": path,
      "@type": "File",
      contentSize: String(text.length),
      sha256: createHash("sha256").update(text).digest("hex"),
    })),
    ...more,
  ];
  const metadata = JSON.stringify({ "@context": "https://evil.example/context", "@graph": graph });
  return await zipOf({ ...FILES, "ro-crate-metadata.json": metadata, ...change });
}

Deno.test("the zip of a crate is checked file by file before anything of it runs", async (t) => {
  await using mine = await Project.make({});
  const get = async (zip: Uint8Array) => {
    await Deno.writeFile(mine.path("crate.zip"), zip);
    return await mine.task("data", ["get", "crate.zip", "--into", "it"]);
  };
  await t.step("right", async () => {
    const { code, stdout, stderr } = await get(await crateZip());
    assert.equal(code, 0, stderr);
    assert.match(stdout, /2 files with the hashes that the crate states/);
    await Deno.remove(mine.path("it"), { recursive: true });
  });
  const wrong: [what: string, zip: Uint8Array, message: RegExp][] = [
    ["a byte changed", await crateZip({ "train.py": TRAIN.replace("0.9", "0.8") }), /has the SHA-256/],
    ["another size", await crateZip({ "train.py": "" }), /has 0 bytes, not/],
    [
      "a file missing",
      await crateZip({}, [{ "@id": "gone.txt", "@type": "File", sha256: "0".repeat(64) }]),
      /"gone.txt" is missing/,
    ],
    [
      "a path that leaves",
      await crateZip({}, [{ "@id": "../../etc/passwd", "@type": "File", sha256: "0".repeat(64) }]),
      /leaves the folder/,
    ],
    [
      "a file described twice",
      await crateZip({}, [{ "@id": "./train%2Epy", "@type": "File" }]),
      /".\/train%2Epy" is described twice/,
    ],
    [
      "more files missing than anybody asks after",
      await crateZip({}, Array.from({ length: 1500 }, (_, at) => ({ "@id": `${at}.txt`, "@type": "File" }))),
      /at least 1000 files not as it states/,
    ],
    [
      "metadata without end",
      await crateZip({ "ro-crate-metadata.json": " ".repeat(65 << 20) }),
      /more than the 64 MiB/,
    ],
    ["no JSON", await crateZip({ "ro-crate-metadata.json": "{" }), /it is no RO-Crate's/],
    [
      "a run, not its project",
      await crateZip({ "experiment.yaml": "" }).then(() =>
        zipOf({ "plan.json": "{}", "evidence.json": "{}" })
      ),
      /it holds a run, and not the project/,
    ],
    [
      "a repository without a work tree",
      await zipOf({ "experiment.yaml": YAML, "x/HEAD": "", "x/objects/a": "", "x/refs/a": "" }),
      /a repository without a work tree/,
    ],
    ["a zip bomb", await bomb(), /as archives do that are made to fill a disk/],
  ];
  for (const [what, zip, message] of wrong) {
    await t.step(what, async () => {
      const { code, stderr } = await get(zip);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.deepEqual([...Deno.readDirSync(mine.root)].map(({ name }) => name), ["crate.zip"]);
    });
  }
  await t.step(".git is not taken", async () => {
    const { code, stdout } = await get(
      await zipOf({ ...FILES, ".git/config": "[core]\nfsmonitor = touch /tmp/evil\n" }),
    );
    assert.equal(code, 0);
    assert.match(stdout, /"\.git" was not taken/);
    assert.equal(await exists(join(mine.path("it"), ".git")), false);
  });
});

/** 200 MB of zeros. */
Deno.test("a script in an archive that its authors could start can be started, and is writable for nobody else", async (t) => {
  const files = {
    "experiment.yaml": YAML.replace(/run: .*/, 'run: [./run.sh, "{out}"]'),
    "run.sh": `#!/bin/sh\necho '{"value": 0.9}' > "$1/metrics.json"\n`,
  };
  await using theirs = await Project.make(files);
  await Deno.chmod(theirs.path("run.sh"), 0o6777);
  await Deno.chmod(theirs.path("experiment.yaml"), 0o666);
  const pack = async (kind: "zip" | "gztar") => {
    const program = "import shutil, sys; print(shutil.make_archive(*sys.argv[1:]), end='')";
    await using other = await Project.make({});
    const args = ["-c", program, other.path("made"), kind, theirs.root];
    const { stdout } = await new Deno.Command("python3", { args }).output();
    return await Deno.readFile(new TextDecoder().decode(stdout));
  };
  const modes = async (folder: string) =>
    await Promise.all(
      ["run.sh", "experiment.yaml"].map(async (path) => (await Deno.stat(join(folder, path))).mode! & 0o7777),
    );
  await t.step("a crate", async () => {
    await using mine = await Project.make({});
    await Deno.writeFile(mine.path("crate.zip"), await pack("zip"));
    const { code, stderr } = await mine.task("reproduce", ["crate.zip", "--into", "it", "--yes"]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await modes(mine.path("it")), [0o755, 0o644]);
  });
  await t.step("a deposit's tar archive", async () => {
    await using web = await online(zenodo(7, { "name.tar.gz": await pack("gztar") }));
    await using mine = await Project.make({});
    const args = ["get", "doi:10.5281/zenodo.7", "--into", "it"];
    const { code, stderr } = await mine.task("data", args, web.env);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await modes(mine.path("it")), [0o755, 0o644]);
  });
});

async function bomb(): Promise<Uint8Array> {
  const { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } = await import("@zip.js/zip.js");
  const zip = new ZipWriter(new Uint8ArrayWriter(), { level: 9, useWebWorkers: false });
  await zip.add("experiment.yaml", new Uint8ArrayReader(new Uint8Array(200e6)));
  return await zip.close();
}

Deno.test("a DOI is fetched from Zenodo, figshare and a Dataverse, and checked by what they state", async (t) => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const loose = Object.fromEntries(Object.entries(FILES).map(([path, text]) => [path, bytes(text)]));
  const zip = await zipOf(
    Object.fromEntries(Object.entries(FILES).map(([path, text]) => [`owner-name-0123/${path}`, text])),
  );
  const cases: [what: string, doi: string, answers: Answers, args: string[]][] = [
    ["Zenodo, one archive", "10.5281/zenodo.7", zenodo(7, { "name.zip": zip }), []],
    ["figshare, loose files", "10.6084/m9.figshare.8.v2", figshare(8, 2, loose), []],
    [
      "Dataverse, an archive beside a readme",
      "10.7910/dvn/abc",
      dataverse("data.example.org", "10.7910/dvn/abc", { "a.zip": zip, "README.txt": bytes("x") }),
      ["--yes"],
    ],
  ];
  for (const [what, doi, answers, args] of cases) {
    await t.step(what, async () => {
      await using web = await online(answers);
      await using mine = await Project.make({});
      const { code, stdout, stderr } = await mine.task(
        "data",
        ["get", `doi:${doi}`, "--into", "it", ...args],
        web.env,
      );
      assert.equal(code, 0, stderr);
      assert.match(stdout, /files? of \S+ with the hashes that it states/);
      assert.equal(await Deno.readTextFile(mine.path("it", "train.py")), TRAIN);
    });
  }
});

Deno.test("a DOI that is wrong, or leads elsewhere, is refused with where it leads", async (t) => {
  const data = new TextEncoder().encode("x");
  const cases: [what: string, id: string, answers: Answers, message: RegExp, code?: number][] = [
    ["unknown", "10.5281/zenodo.9", {}, /no such DOI is registered/],
    [
      "leads elsewhere",
      "10.5281/zenodo.9",
      handle("10.5281/zenodo.9", "https://evil.example/zenodo"),
      /it leads to https:\/\/evil\.example\/zenodo, which is neither/,
    ],
    [
      "the API moves elsewhere",
      "10.5281/zenodo.9",
      {
        ...handle("10.5281/zenodo.9", "https://zenodo.org/records/9"),
        "zenodo.org/api/records/9": new Redirect("https://evil.example/x"),
      },
      /redirects to https:\/\/evil\.example\/x, another server/,
      3,
    ],
    [
      "a Dataverse that is not known",
      "10.7910/dvn/a",
      dataverse("data.example.org", "10.7910/dvn/a", { a: data }),
      /it leads to data\.example\.org, which says that it is a Dataverse/,
    ],
    [
      "all versions",
      "10.5281/zenodo.9",
      zenodo(9, { a: data }, { doi: "10.5281/zenodo.10" }),
      /leads to 10\.5281\/zenodo\.10, the newest of several versions/,
    ],
    [
      "all versions at figshare",
      "10.6084/m9.figshare.9",
      figshare(9, 3, { a: data }),
      /names every version, and the newest is 3/,
    ],
    [
      "another hash",
      "10.5281/zenodo.9",
      zenodo(9, { a: data }, { checksums: { a: `md5:${"0".repeat(32)}` } }),
      /Cannot download a/,
    ],
    ["a name that leaves", "10.5281/zenodo.9", zenodo(9, { "../a": data }), /its name holds "\.\."/],
    ["an answer of another form", "10.5281/zenodo.9", {
      ...zenodo(9, {}),
      "zenodo.org/api/records/9": { hits: [] },
    }, /answers in another form than is known; doi is not/],
    ["no files", "10.5281/zenodo.9", zenodo(9, {}), /gives none of its files to everybody/],
  ];
  for (const [what, id, answers, message, wanted = 2] of cases) {
    await t.step(what, async () => {
      await using web = await online(answers);
      await using mine = await Project.make({});
      const { code, stderr } = await mine.task("data", ["get", id], web.env);
      assert.match(stderr, message);
      assert.equal(code, wanted);
      assert.deepEqual([...Deno.readDirSync(mine.root)], []);
    });
  }
  await t.step("no network", async () => {
    const web = await online({});
    await web[Symbol.asyncDispose]();
    await using mine = await Project.make({});
    const { code, stderr } = await mine.task("data", ["get", "10.5281/zenodo.9"], web.env);
    assert.equal(code, 3);
    assert.match(stderr, /doi\.org refuses the connection/);
  });
});
