/** `deno task data` on the real command line: what it brings, keeps, finds out and refuses. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { exists } from "../../tasks/lib/system/files.ts";
import { DataProject, digest, flipByte, zipOf } from "../support/data_project.ts";
import { ended, until } from "../support/project.ts";
import { mount, mountable, unmount } from "../support/small_disk.ts";

const WEIGHTS = new Uint8Array(300_000).map((_, index) => (index * 7919) % 251);

const IMAGES = await zipOf({ "Forest/Forest_1.jpg": "a forest", "River/River_1.jpg": "a river" });

const SERVED = { "weights.bin": WEIGHTS, "images.zip": IMAGES };

/** Weights that are known by the beginning of their SHA-256, and images by their MD5. */
function yaml(url: (name: string) => string): string {
  return `name: test
data:
  weights:
    urls: [${url("weights.bin")}]
    sha256: "${digest("sha256", WEIGHTS).slice(0, 8)}"
    size: ${WEIGHTS.length}
    to: data/weights.bin
  images:
    urls: [${url("gone.zip")}, ${url("images.zip")}]
    md5: "${digest("md5", IMAGES)}"
    unpack: zip
    to: data/images
steps:
  train:
    run: [python, train.py, --out, "{out}"]
`;
}

async function make(): Promise<DataProject> {
  return await DataProject.make(SERVED, yaml);
}

async function list(project: DataProject) {
  const { code, stdout, stderr } = await project.task("data", "list", "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).data;
}

async function states(project: DataProject): Promise<Record<string, string>> {
  const all: { name: string; state: string }[] = await list(project);
  return Object.fromEntries(all.map(({ name, state }) => [name, state]));
}

Deno.test("data fetches, unpacks, links, pins, and does nothing the second time", async () => {
  await using project = await make();
  assert.deepEqual(await states(project), { weights: "absent", images: "absent" });
  const { code, stdout, stderr } = await project.task("data");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^To download: weights \(300 kB\), images \(of unknown size\); archives are kept/m);
  assert.match(
    stdout,
    new RegExp(`^weights: ready after .*, in data/weights.bin, sha256:${digest("sha256", WEIGHTS)}$`, "m"),
  );
  assert.match(stdout, /^images: its SHA-256 is pinned in experiment\.lock from now on; commit that file$/m);
  assert.deepEqual(await Deno.readFile(project.project.path("data/weights.bin")), WEIGHTS);
  assert.equal(await Deno.readTextFile(project.project.path("data/images/River/River_1.jpg")), "a river");
  assert.equal(
    await Deno.readLink(project.project.path("data/weights.bin")),
    project.entry(WEIGHTS, "weights.bin"),
  );
  assert.equal(((await Deno.stat(project.entry(IMAGES, "images.zip"))).mode! & 0o222).toString(8), "0");
  assert.deepEqual(await project.project.json("experiment.lock"), {
    data: {
      weights: {
        declared: `sha256:${digest("sha256", WEIGHTS).slice(0, 8)}`,
        sha256: digest("sha256", WEIGHTS),
      },
      images: { declared: `md5:${digest("md5", IMAGES)}`, sha256: digest("sha256", IMAGES) },
    },
  });
  const [weights, images] = await list(project);
  assert.equal(weights.source, project.server.url("weights.bin"));
  assert.equal(images.source, project.server.url("images.zip"));
  assert.match(images.treeSha256, /^[0-9a-f]{64}$/);

  project.server.requests.length = 0;
  const begin = performance.now();
  assert.equal((await project.task("data", "fetch")).code, 0);
  const seconds = (performance.now() - begin) / 1000;
  assert.deepEqual(project.server.requests, []);
  assert.ok(seconds < 30, `${seconds} s`);
  assert.equal((await project.task("data", "verify")).code, 0);
});

Deno.test("data suggests the action that was meant", async () => {
  await using project = await make();
  const { code, stderr } = await project.task("data", "fetsh", "test");
  assert.equal(code, 2);
  assert.match(stderr, /does fetch, verify, list, get, current value is "fetsh", did you mean "fetch"\?/);
});

Deno.test("data --only fetches what is named, and suggests what was meant", async () => {
  await using project = await make();
  assert.equal((await project.task("data", "--only", "weights")).code, 0);
  assert.deepEqual(await states(project), { weights: "here", images: "absent" });
  const { code, stderr } = await project.task("data", "--only", "image");
  assert.equal(code, 2);
  assert.match(stderr, /Cannot find data "image" of test, did you mean "images"\?/);
});

Deno.test("data says so where an experiment declares none", async () => {
  await using project = await DataProject.make(
    {},
    () => `name: test\nsteps: { train: { run: [python, a.py] } }\n`,
  );
  const { code, stdout } = await project.task("data");
  assert.deepEqual([code, stdout], [0, "test declares no data\n"]);
});

Deno.test("data that were killed in mid-download go on where they were", async () => {
  await using project = await make();
  project.server.slow = 30_000;
  const child = project.start("data", "--only", "weights");
  const output = ended(child);
  await until("the download is under way", () => project.server.requests.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await killTask(child);
  await output;
  assert.deepEqual(await states(project), { weights: "absent", images: "absent" });
  project.server.slow = undefined;
  assert.equal((await project.task("data", "--only", "weights")).code, 0);
  assert.match(project.server.requests.at(-1)!, /^\/weights\.bin from [1-9]/);
  assert.deepEqual(await Deno.readFile(project.project.path("data/weights.bin")), WEIGHTS);
});

Deno.test("a download that is interrupted ends with 130 and says that what it has is kept", async () => {
  await using project = await make();
  project.server.slow = 30_000;
  const child = project.start("data", "--only", "weights");
  const output = ended(child);
  await until("the download is under way", () => project.server.requests.length > 0);
  await signalTask(child, "SIGINT");
  const { code, stderr } = await output;
  assert.equal(code, 130);
  assert.match(stderr, /Interrupted by SIGINT; what was downloaded is kept for the next time/);
});

Deno.test("a run that is interrupted while it fetches ends with 130, and its fetching too", async () => {
  await using project = await DataProject.make(
    SERVED,
    (url) => yaml(url).replace("run:", "data: [weights]\n    run:"),
  );
  project.server.slow = 30_000;
  const child = project.start("train", "--engine", "host");
  const output = ended(child);
  await until("the download is under way", () => project.server.requests.length > 0);
  await signalTask(child, "SIGTERM");
  const { code, stderr } = await output;
  assert.equal(code, 130);
  assert.match(stderr, /Interrupted while data were fetched/);
  assert.equal(await exists(project.project.path("runs")), false);
});

/** Sends a signal to the process that `deno task` started. */
async function signalTask(child: Deno.ChildProcess, signal: Deno.Signal) {
  const own = await new Deno.Command("pgrep", { args: ["-P", String(child.pid)] }).output();
  for (const pid of new TextDecoder().decode(own.stdout).split("\n").filter(Boolean)) {
    Deno.kill(Number(pid), signal);
  }
}

async function killTask(child: Deno.ChildProcess) {
  await signalTask(child, "SIGKILL");
  try {
    child.kill("SIGKILL");
  } catch {
    // it ended with its child
  }
}

Deno.test("data that were killed in mid-unpack are unpacked whole without fetching them again", async () => {
  const names = Array.from({ length: 3000 }, (_, index) => `${index % 10}/${index}.txt`);
  const many = await zipOf(Object.fromEntries(names.map((name) => [name, name])));
  await using project = await DataProject.make({ "many.zip": many }, (url) =>
    `name: test
data: { many: { urls: ["${url("many.zip")}"], sha256: "${
      digest("sha256", many)
    }", unpack: zip, to: data/many } }
steps: { train: { run: [python, a.py] } }
`);
  const child = project.start("data");
  const output = ended(child);
  await until("it unpacks", () => exists(project.entry(many, "tree.unpacking/0")));
  await killTask(child);
  await output;
  assert.deepEqual(await states(project), { many: "packed" });
  assert.equal(await exists(project.project.path("data/many")), false);
  project.server.requests.length = 0;
  const { code, stderr } = await project.task("data", "--offline");
  assert.equal(code, 0, stderr);
  assert.deepEqual(await states(project), { many: "here" });
  assert.deepEqual(project.server.requests, []);
  assert.equal((await project.task("data", "verify")).code, 0);
});

Deno.test("two fetches at once download once", async () => {
  await using project = await make();
  project.server.slow = 8_000; // four seconds, so that the second is there before it ends
  const both = await Promise.all([
    project.task("data", "--only", "weights"),
    project.task("data", "--only", "weights"),
  ]);
  assert.deepEqual(both.map(({ code }) => code), [0, 0], both.map(({ stderr }) => stderr).join());
  assert.deepEqual(project.server.requests, ["/weights.bin"]);
  assert.ok(both.some(({ stdout }) => /waiting for process/.test(stdout)));
});

Deno.test("a fetch that waits goes on with what a killed one got", async () => {
  await using project = await make();
  project.server.slow = 3_000;
  const first = project.start("data", "--only", "weights");
  const output = ended(first);
  await until("the download is under way", () => project.server.requests.length > 0);
  const second = project.task("data", "--only", "weights");
  await new Promise((resolve) => setTimeout(resolve, 5000)); // of the ten seconds that the file takes
  await killTask(first);
  await output;
  const { code, stdout, stderr } = await second;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /waiting for process/);
  assert.match(stdout, /are there from an earlier try/);
  assert.match(project.server.requests.at(-1)!, /^\/weights\.bin from [1-9]/);
});

Deno.test("a byte that was changed is found by verify, named, and fetch makes it good", async (t) => {
  await using project = await make();
  assert.equal((await project.task("data")).code, 0);
  await new Promise((resolve) => setTimeout(resolve, 1100)); // times of inodes are in whole seconds
  await t.step("in a file", async () => {
    await flipByte(project.entry(WEIGHTS, "weights.bin"), 1000);
    const { code, stdout, stderr } = await project.task("data", "verify");
    assert.equal(code, 1);
    assert.match(stdout, /weights +corrupted/);
    assert.match(stderr, /weights: weights\.bin: other bytes than were fetched/);
    assert.match(stderr, /deno task data fetch test/);
    project.server.requests.length = 0;
    assert.equal((await project.task("data")).code, 0);
    assert.deepEqual(project.server.requests, ["/weights.bin"]);
    assert.deepEqual(await Deno.readFile(project.project.path("data/weights.bin")), WEIGHTS);
  });
  await t.step("in an unpacked file, which the archive makes good", async () => {
    await flipByte(project.entry(IMAGES, "tree/River/River_1.jpg"));
    const { code, stdout } = await project.task("data", "--offline");
    assert.equal(code, 0);
    assert.match(stdout, /images: tree\/River\/River_1\.jpg: other bytes than were unpacked/);
    assert.equal(await Deno.readTextFile(project.project.path("data/images/River/River_1.jpg")), "a river");
  });
  await t.step("in the archive", async () => {
    await flipByte(project.entry(IMAGES, "images.zip"), 100);
    assert.equal((await project.task("data", "verify")).code, 1);
    const { code } = await project.task("data", "fetch");
    assert.equal(code, 0);
    assert.equal((await project.task("data", "verify")).code, 0);
    assert.equal(await Deno.readTextFile(project.project.path("data/images/River/River_1.jpg")), "a river");
  });
});

Deno.test("--offline opens no connection and says how to bring what is missing", async () => {
  await using project = await make();
  const { code, stderr } = await project.task("data", "--offline", "--only", "weights");
  assert.equal(code, 3);
  assert.match(stderr, /Cannot get the data "weights" offline: it is not in the cache/);
  assert.match(stderr, /deno task data test --from weights\.bin/);
  assert.deepEqual(project.server.requests, []);
});

Deno.test("--from takes files by name and by hash, and no others", async (t) => {
  await using project = await make();
  const stick = await Deno.makeTempDir({ dir: project.cache });
  await Deno.writeFile(join(stick, "renamed"), WEIGHTS);
  await Deno.writeFile(join(stick, "images.zip"), WEIGHTS);
  await t.step("a file with other bytes is refused, naming both hashes", async () => {
    const { code, stderr } = await project.task("data", "--from", stick, "--only", "images");
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`expected md5:${digest("md5", IMAGES)}`));
    assert.match(stderr, new RegExp(`images.zip has md5:${digest("md5", WEIGHTS)}`));
  });
  await t.step("a folder", async () => {
    await Deno.writeFile(join(stick, "images.zip"), IMAGES);
    const { code, stderr } = await project.task("data", "--from", stick);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await Deno.readFile(project.project.path("data/weights.bin")), WEIGHTS);
    assert.equal(
      await Deno.readTextFile(project.project.path("data/images/Forest/Forest_1.jpg")),
      "a forest",
    );
  });
  await t.step("an unpacked folder can't be checked", async () => {
    await Deno.remove(project.cache + "/experiment-data", { recursive: true });
    const { code, stderr } = await project.task(
      "data",
      "--from",
      project.project.path("data"),
      "--only",
      "images",
    );
    assert.equal(code, 2);
    assert.match(stderr, /unpacked, it can't be checked/);
  });
  await t.step("a folder that holds one of two takes that one, and says what is not there", async () => {
    await Deno.remove(join(stick, "images.zip"));
    const { code, stderr } = await project.task("data", "--from", stick);
    assert.equal(code, 2);
    assert.match(stderr, /Cannot take "images" from there: no file in .* has the expected sha256:/);
    assert.deepEqual(await states(project), { weights: "here", images: "absent" });
    await Deno.remove(project.cache + "/experiment-data", { recursive: true });
  });
  await t.step("one file, for whichever data it is", async () => {
    const { code, stderr } = await project.task("data", "--from", join(stick, "renamed"));
    assert.equal(code, 0, stderr);
    assert.deepEqual(await states(project), { weights: "here", images: "absent" });
  });
  assert.deepEqual(project.server.requests, []);
});

Deno.test({
  name: "--from on a disk that is full ends with what to do, and leaves nothing",
  ignore: !mountable,
}, async () => {
  await using project = await make();
  const file = join(project.cache, "weights.bin");
  const small = join(project.cache, "experiment-data");
  await Deno.writeFile(file, WEIGHTS);
  await Deno.mkdir(small);
  await mount(small, "size=200k");
  try {
    const { code, stderr } = await project.task("data", "--from", file, "--only", "weights");
    assert.equal(code, 3);
    assert.match(stderr, /Cannot copy .*weights\.bin to .*: the disk is full/);
    assert.match(stderr, /XDG_CACHE_HOME=/);
    assert.equal(
      await exists(
        join(small, ".incoming", `sha256-${digest("sha256", WEIGHTS).slice(0, 8)}`, "weights.bin"),
      ),
      false,
    );
  } finally {
    await unmount(small);
  }
});

Deno.test("other bytes than wanted leave everything as it was", async () => {
  await using project = await make();
  assert.equal((await project.task("data")).code, 0);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await flipByte(project.entry(WEIGHTS, "weights.bin"), 1000);
  const before = await Deno.readFile(project.project.path("data/weights.bin"));
  project.server.files["weights.bin"] = WEIGHTS.toReversed();
  const { code, stderr } = await project.task("data");
  assert.equal(code, 2);
  assert.match(stderr, /experiment\.lock pins/);
  assert.deepEqual(await Deno.readFile(project.project.path("data/weights.bin")), before);
  assert.deepEqual(await states(project), { weights: "corrupted", images: "here" });
});

Deno.test("a link is made again where its cache is gone or another one is used", async (t) => {
  await using project = await make();
  assert.equal((await project.task("data")).code, 0);
  await t.step("the link was removed", async () => {
    await Deno.remove(project.project.path("data/images"));
    assert.deepEqual(await states(project), { weights: "here", images: "unlinked" });
    assert.equal((await project.task("data", "--offline")).code, 0);
    assert.deepEqual(await states(project), { weights: "here", images: "here" });
  });
  await t.step("the cache was removed", async () => {
    await Deno.remove(join(project.cache, "experiment-data"), { recursive: true });
    assert.deepEqual(await states(project), { weights: "absent", images: "absent" });
    assert.equal((await project.task("data")).code, 0);
    assert.deepEqual(await Deno.readFile(project.project.path("data/weights.bin")), WEIGHTS);
  });
});

Deno.test("what a user put at the place of data stays", async (t) => {
  await using project = await make();
  const place = project.project.path("data/weights.bin");
  await t.step("a folder", async () => {
    await Deno.mkdir(place, { recursive: true });
    const { code, stderr } = await project.task("data", "--only", "weights");
    assert.equal(code, 2);
    assert.match(stderr, /Cannot put the data "weights" at data\/weights\.bin: a folder is there/);
    await Deno.remove(place);
  });
  await t.step("a link", async () => {
    await Deno.symlink("/etc/hostname", place);
    const { code, stderr } = await project.task("data", "--only", "weights");
    assert.equal(code, 2);
    assert.match(stderr, /a link is there that no task made, to \/etc\/hostname/);
    await Deno.remove(place);
  });
  await t.step("a file with other bytes", async () => {
    await Deno.writeTextFile(place, "mine");
    const { code, stderr } = await project.task("data", "--only", "weights");
    assert.equal(code, 2);
    assert.match(stderr, /a file is there that is not these data: it has sha256:/);
    assert.equal(await Deno.readTextFile(place), "mine");
  });
  assert.deepEqual(project.server.requests, []);
  await t.step("a file with the right bytes is taken over", async () => {
    await Deno.writeFile(place, WEIGHTS);
    assert.equal((await project.task("data", "--only", "weights")).code, 0);
    assert.ok((await Deno.lstat(place)).isSymlink);
    assert.deepEqual(await Deno.readFile(place), WEIGHTS);
    assert.deepEqual(project.server.requests, []);
  });
});

Deno.test("data do not leave the project by a folder that is a link", async () => {
  await using project = await make();
  await Deno.symlink(project.cache, project.project.path("data"));
  const { code, stderr } = await project.task("data");
  assert.equal(code, 2);
  assert.match(stderr, /is a link that leaves the project/);
});

Deno.test("a pin in experiment.lock holds until it is removed, and images keep theirs", async () => {
  await using project = await make();
  const pinned = digest("sha256", IMAGES);
  const images = { "debian:12": { kind: "local", id: `sha256:${pinned}` } };
  const declared = `md5:${digest("md5", IMAGES)}`;
  const other = "0".repeat(64);
  await project.project.write(
    "experiment.lock",
    JSON.stringify({ images, data: { images: { declared, sha256: other } } }),
  );
  const refused = await project.task("data", "--only", "images");
  assert.equal(refused.code, 3); // the other mirror may have it some day
  assert.match(refused.stderr, new RegExp(`experiment\\.lock pins sha256:${other} for ${declared}`));
  assert.match(refused.stderr, new RegExp(pinned), "the hash that was found is named, too");
  await project.project.write(
    "experiment.lock",
    JSON.stringify({ images, data: { images: { declared: "md5:00", sha256: other } } }),
  );
  assert.equal((await project.task("data", "--only", "images")).code, 0);
  assert.deepEqual(await project.project.json("experiment.lock"), {
    images,
    data: { images: { declared, sha256: pinned } },
  });
});

Deno.test("data need a yes for more than 1 GB, and a home", async (t) => {
  await using project = await DataProject.make(
    SERVED,
    (url) => yaml(url).replace(/size: \d+/, "size: 2000000000"),
  );
  await t.step("yes", async () => {
    const { code, stderr } = await project.task("data");
    assert.equal(code, 2);
    assert.match(stderr, /Cannot download 2\.0 GB without being told to/);
    assert.match(stderr, /--yes/);
    assert.equal((await project.task("data", "--plan")).code, 0);
  });
  await t.step("home", async () => {
    const { code, stderr } = await ended(
      project.project.start("data", ["list"], { ...project.env, XDG_CACHE_HOME: "", HOME: "" }),
    );
    assert.equal(code, 3);
    assert.match(stderr, /neither HOME nor XDG_CACHE_HOME says where/);
  });
});
