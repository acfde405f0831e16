/** Data that are named, not addressed: `from: doi:…`, `hf:…`, `croissant:…`, looked up once and pinned. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { digest } from "../support/data_project.ts";
import { Project } from "../support/project.ts";
import {
  type Answers,
  dataverse,
  figshare,
  handle,
  md5,
  online,
  zenodo,
} from "../support/repositories_online.ts";

const BYTES = new TextEncoder().encode("photos");

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

function yaml(from: string, more = ""): string {
  return `name: test
data:
  photos: { from: "${from}", to: data/photos${more} }
steps:
  train: { run: [python, -c, "print(open('data/photos').read())"], data: [photos] }
`;
}

/** The Hub: [revision](https://huggingface.co/docs/hub/api), [paths-info](https://huggingface.co/docs/huggingface.js/hub/interfaces/PathInfo). */
function hub(kind: "models" | "datasets", lfs: boolean, bytes = BYTES): Answers {
  const blob = createHash("sha1").update(`blob ${BYTES.length}\0`).update(BYTES).digest("hex");
  const pointer = { oid: digest("sha256", BYTES), size: BYTES.length, pointerSize: 134 };
  return {
    [`huggingface.co/api/${kind}/o/n/revision/main`]: { id: "o/n", sha: COMMIT },
    [`huggingface.co/api/${kind}/o/n/paths-info/${COMMIT}`]: [
      { type: "file", path: "a/photos.bin", size: BYTES.length, oid: blob, ...(lfs && { lfs: pointer }) },
    ],
    [`huggingface.co/${kind === "datasets" ? "datasets/" : ""}o/n/resolve/${COMMIT}/a/photos.bin`]: bytes,
  };
}

function croissant(change: Record<string, unknown> = {}): string {
  const file = {
    "@type": "cr:FileObject",
    "@id": "photos.bin",
    contentUrl: "https://data.example.org/photos.bin",
    contentSize: `${BYTES.length} B`,
    sha256: digest("sha256", BYTES),
    ...change,
  };
  return JSON.stringify({
    "@context": "https://evil.example/context",
    "@type": "sc:Dataset",
    distribution: [file],
  });
}

async function temporaryCache() {
  const path = await Deno.makeTempDir({ prefix: "cache-" });
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(stdout));
  const env = { XDG_CACHE_HOME: path, DENO_DIR: denoDir as string };
  return { env, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("data of a DOI, of the Hub and of Croissant are looked up, pinned, fetched and checked", async (t) => {
  const cases: [from: string, url: string, answers: Answers][] = [
    [
      "doi:10.5281/zenodo.7#photos.bin",
      "https://zenodo.org/api/records/7/files/photos.bin/content",
      zenodo(7, { "photos.bin": BYTES }),
    ],
    [
      "doi:10.6084/m9.figshare.8.v2#photos.bin",
      "https://ndownloader.figshare.com/files/1",
      figshare(8, 2, { "photos.bin": BYTES }),
    ],
    [
      "doi:10.7910/DVN/ABC#photos.bin",
      "https://data.example.org/api/access/datafile/1",
      dataverse("data.example.org", "10.7910/dvn/abc", { "photos.bin": BYTES }),
    ],
    [
      "hf:o/n@main/a/photos.bin",
      `https://huggingface.co/o/n/resolve/${COMMIT}/a/photos.bin`,
      hub("models", true),
    ],
    [
      "hf:datasets/o/n@main/a/photos.bin",
      `https://huggingface.co/datasets/o/n/resolve/${COMMIT}/a/photos.bin`,
      hub("datasets", false),
    ],
    ["croissant:meta.json#photos.bin", "https://data.example.org/photos.bin", {
      "data.example.org/photos.bin": BYTES,
    }],
  ];
  for (const [from, url, answers] of cases) {
    await t.step(from, async () => {
      await using web = await online(answers);
      await using cache = await temporaryCache();
      await using project = await Project.make({ "experiment.yaml": yaml(from), "meta.json": croissant() });
      const env = { ...web.env, ...cache.env };
      const { code, stderr, stdout } = await project.task(
        "data",
        from.startsWith("doi:10.7910") ? ["--yes"] : [],
        env,
      );
      assert.equal(code, 0, stderr);
      assert.match(stdout, /pinned in experiment\.lock; commit that file/);
      assert.equal(await Deno.readTextFile(project.path("data", "photos")), "photos");
      const pin = (await project.json("experiment.lock")).data.photos;
      assert.equal(pin.url, url);
      assert.equal(pin.sha256, digest("sha256", BYTES));
      assert.deepEqual(web.asked.filter((one) => one.includes("evil")), []);
      // From now on nobody is asked what the name stands for.
      const before = web.asked.length;
      const again = await project.task("data", ["--offline"], env);
      assert.equal(again.code, 0, again.stderr);
      assert.equal(web.asked.length, before);
    });
  }
});

Deno.test("a run fetches what its data are named by, and its record has the address", async () => {
  await using web = await online(zenodo(7, { "photos.bin": BYTES }));
  await using cache = await temporaryCache();
  await using project = await Project.make({ "experiment.yaml": yaml("doi:10.5281/zenodo.7#photos.bin") });
  const env = { ...web.env, ...cache.env };
  const plan = await project.task("reproduce", ["--plan", "--engine", "host"], env);
  assert.match(plan.stdout, /photos will be fetched first from doi:10\.5281\/zenodo\.7#photos\.bin/);
  assert.deepEqual(web.asked, []);
  const { code, stderr } = await project.task("reproduce", ["--engine", "host"], env);
  assert.equal(code, 0, stderr);
  const { steps } = await project.evidence();
  assert.equal(steps.train.data.photos.sha256, digest("sha256", BYTES));
  assert.match(steps.train.data.photos.source, /^https:\/\/zenodo\.org\//);
});

Deno.test("data that are named wrongly, or are others than stated, are refused, and nothing is pinned", async (t) => {
  const cases: [
    what: string,
    from: string,
    answers: Answers,
    meta: string,
    message: RegExp,
    code?: number,
  ][] = [
    [
      "a file that is not there",
      "doi:10.5281/zenodo.7#x.bin",
      zenodo(7, { "photos.bin": BYTES }),
      "",
      /zenodo\.org has no such file there[^]*It has photos\.bin/,
    ],
    ["an unknown DOI", "doi:10.5281/zenodo.8#x", {}, "", /no such DOI is registered/],
    [
      "a DOI that leads elsewhere",
      "doi:10.5281/zenodo.8#x",
      handle("10.5281/zenodo.8", "https://evil.example/"),
      "",
      /it leads to https:\/\/evil\.example/,
    ],
    [
      "a Dataverse nobody agreed to",
      "doi:10.7910/dvn/a#x",
      dataverse("data.example.org", "10.7910/dvn/a", { x: BYTES }),
      "",
      /leads to data\.example\.org/,
    ],
    [
      "a hash of an unknown kind",
      "doi:10.5281/zenodo.7#photos.bin",
      zenodo(7, { "photos.bin": BYTES }, { checksums: { "photos.bin": "crc32:1" } }),
      "",
      /no MD5 or SHA-256 is stated/,
    ],
    [
      "a path that is not on the Hub",
      "hf:o/n@main/b.bin",
      hub("models", true),
      "",
      /o\/n has no such file at 0123/,
    ],
    [
      "a revision that is not on the Hub",
      "hf:o/n@other/a/photos.bin",
      hub("models", true),
      "",
      /does not know it/,
    ],
    [
      "other bytes on the Hub",
      "hf:o/n@main/a/photos.bin",
      hub("models", false, new TextEncoder().encode("PHOTOS")),
      "",
      /its bytes have git's hash/,
    ],
    ["Croissant without that file", "croissant:meta.json#x", {}, croissant(), /no distribution is called so/],
    [
      "Croissant without a hash",
      "croissant:meta.json#photos.bin",
      {},
      croissant({ sha256: undefined }),
      /it states no sha256 or md5/,
    ],
    [
      "Croissant by http",
      "croissant:meta.json#photos.bin",
      {},
      croissant({ contentUrl: "http://data.example.org/x" }),
      /contentUrl must be https/,
    ],
    [
      "Croissant within an archive",
      "croissant:meta.json#photos.bin",
      {},
      croissant({ containedIn: { "@id": "a.zip" } }),
      /it lies in another distribution/,
    ],
    ["no Croissant", "croissant:meta.json#photos.bin", {}, "[[[[", /is no Croissant file/],
    ["Croissant outside the project", "croissant:../meta.json#photos.bin", {}, "", /leaves the folder/],
  ];
  for (const [what, from, answers, meta, message, wanted = 2] of cases) {
    await t.step(what, async () => {
      await using web = await online(answers);
      await using cache = await temporaryCache();
      await using project = await Project.make({ "experiment.yaml": yaml(from), "meta.json": meta });
      const { code, stderr } = await project.task("data", [], { ...web.env, ...cache.env });
      assert.match(stderr, message);
      assert.equal(code, wanted);
      await assert.rejects(Deno.stat(project.path("experiment.lock")));
    });
  }
});

Deno.test("what is pinned stays: Croissant that states another hash later is a contradiction; offline asks for a pin", async () => {
  await using web = await online({ "data.example.org/photos.bin": BYTES });
  await using cache = await temporaryCache();
  await using project = await Project.make({
    "experiment.yaml": yaml("croissant:meta.json#photos.bin"),
    "meta.json": croissant(),
  });
  const env = { ...web.env, ...cache.env };
  assert.equal((await project.task("data", [], env)).code, 0);
  await project.write("meta.json", croissant({ sha256: "0".repeat(64) }));
  const other = await project.task("data", [], env);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /its sha256 is 0000.* and experiment\.lock has/);
  await project.write("experiment.yaml", yaml("hf:o/n@main/a/photos.bin"));
  const offline = await project.task("data", ["--offline"], env);
  assert.equal(offline.code, 3);
  assert.match(offline.stderr, /hf:o\/n@main\/a\/photos\.bin is not pinned in experiment\.lock/);
});

Deno.test("the YAML says in which forms data are named, and that one origin is enough", async (t) => {
  const parse = (text: string) => () => parseExperiment(text, "/p/experiment.yaml", "/p");
  for (const from of ["zenodo.7", "doi:10.5281/zenodo.7", "hf:o/n/x", "croissant:a.json"]) {
    await t.step(
      from,
      () =>
        assert.throws(
          parse(yaml(from)),
          (error: Error) => JSON.stringify(error).includes("hf:[datasets/]OWNER/NAME@REVISION/PATH"),
        ),
    );
  }
  await t.step("two origins", () => {
    assert.throws(
      parse(yaml("hf:o/n@r/x", ", urls: [https://h.org/x]")),
      (error: Error) => JSON.stringify(error).includes("it has urls and from"),
    );
  });
  await t.step("a hash beside it", () => {
    const { data } = parseExperiment(yaml("hf:o/n@r/x", `, md5: ${md5(BYTES)}`), "/p/experiment.yaml", "/p");
    assert.deepEqual(data.photos!.hash, { md5: md5(BYTES) });
  });
});
