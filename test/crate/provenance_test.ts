/** RO-Crate, CITATION.cff and codemeta.json, judged by other people's validators. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { containerImage, imageParts } from "../../tasks/lib/crate/actions.ts";
import { type Citation, readCitation } from "../../tasks/lib/crate/citation.ts";
import { codemeta, codemetaText } from "../../tasks/lib/crate/codemeta.ts";
import { fileId, references } from "../../tasks/lib/crate/entity.ts";
import { mediaType, roCrate } from "../../tasks/lib/crate/ro_crate.ts";
import type { Attempt, Evidence } from "../../tasks/lib/record/evidence.ts";
import { readReceipt } from "../../tasks/lib/record/receipt.ts";
import { experiment, Project, ROOT, TRAIN } from "../support/project.ts";
import { validators } from "../support/validators.ts";

const tools = await validators();

const bin = "bin" in tools ? tools.bin : undefined;

if ("missing" in tools) console.log(`ignored: the tests that validate, since ${tools.missing}`);

const TWO_STEPS = experiment(
  '  infer:\n    run: [python, train.py, --model, "{steps.train}", --out, "{out}"]\n    needs: [train]\n' +
    "parameters: { seed: 3 }\n",
);

const CITATION = await Deno.readTextFile(join(ROOT, "CITATION.cff"));

const FILES = {
  "experiment.yaml": TWO_STEPS,
  "train.py": TRAIN,
  "CITATION.cff": CITATION,
  ".gitignore": "runs/",
};

async function output(program: string, ...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await new Deno.Command(program, { args }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(code === 0, `${text}\n${new TextDecoder().decode(stderr)}`);
  return text;
}

/** Makes the project a repository, so that its runs know a commit. */
async function commit({ root }: Project) {
  const git = ["-C", root, "-c", "user.name=test", "-c", "user.email=test@example.org"];
  for (const args of [["init", "-q"], ["add", "."], ["commit", "-qm", "test"]]) {
    await output("git", ...git, ...args);
  }
}

/** What the validator has to say, at the levels REQUIRED and RECOMMENDED. */
async function objections(crate: string): Promise<{ entity: string; message: string }[]> {
  const script = join(ROOT, "test/support/validators/validate_crate.py");
  const { stdout, stderr } = await new Deno.Command(join(bin!, "python"), { args: [script, crate] }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(text.startsWith("["), new TextDecoder().decode(stderr));
  return JSON.parse(text);
}

async function validate(crate: string) {
  assert.deepEqual(await objections(crate), []);
}

interface Graph {
  "@graph": { "@id": string; "@type": string; [property: string]: unknown }[];
}

async function readCrate(directory: string): Promise<Graph["@graph"]> {
  const text = await Deno.readTextFile(join(directory, "ro-crate-metadata.json"));
  assert.ok(!text.includes(directory), "a path of this machine");
  return (JSON.parse(text) as Graph)["@graph"];
}

Deno.test({
  name: "roc-validator has no objection to a run, its zip, and a run with spaces and umlauts in names",
  ignore: bin === undefined,
  async fn(t) {
    const train = `${TRAIN}open(out + "/Größe 100 % #1?.txt", "w").write("x")\n`;
    await using project = await Project.make({ ...FILES, "train.py": train });
    await commit(project);
    assert.equal((await project.task("reproduce")).code, 0);
    const directory = await project.run();
    await t.step("the run folder", () => validate(directory));
    await t.step("the zip", async () => {
      const { code, stderr } = await project.task("report", ["--crate", "run.zip"]);
      assert.equal(code, 0, stderr);
      await validate(project.path("run.zip"));
    });
    const evidence: Evidence = await project.evidence();
    const metadata = join(directory, "ro-crate-metadata.json");
    const write = (crate: unknown) => Deno.writeTextFile(metadata, JSON.stringify(crate));
    const citation = await readCitation(project.root);
    const { files } = (await readReceipt(directory))!;
    await t.step("a run in a container", async () => {
      evidence.attempts[0]!.environment.image = { name: "digits-resnet:cpu", id: "sha256:b8e8" };
      await write(roCrate({ evidence, files, citation }));
      await validate(directory);
    });
    await t.step(
      "but it has one to an action without its tool, and to an image without its registry",
      async () => {
        const crate = roCrate({ evidence, files, citation }) as unknown as Graph;
        delete crate["@graph"].find((entity) => entity["@id"] === "#step-train")!.instrument;
        delete crate["@graph"].find((entity) => entity["@type"] === "ContainerImage")!.registry;
        await write(crate);
        const messages = (await objections(directory)).map(({ message }) => message).join("\n");
        assert.match(messages, /MUST have an instrument[\s\S]*SHOULD have a registry/);
      },
    );
  },
});

Deno.test({
  name: "roc-validator has no objection to a failed run, and one that builds on another",
  ignore: bin === undefined,
  async fn(t) {
    await using project = await Project.make(FILES);
    await commit(project);
    await t.step("a run that builds on another names it with its hash", async () => {
      assert.equal((await project.task("train")).code, 0);
      const first = await project.evidence();
      assert.equal((await project.task("infer")).code, 0);
      const directory = await project.run();
      await validate(directory);
      const external = (await readCrate(directory)).find((entity) => entity["@id"].startsWith("#run-"));
      assert.equal(external?.["@id"], `#run-${first.run}-train`);
      assert.match(external?.sha256 as string, /^[0-9a-f]{64}$/);
    });
    await t.step("a failed run says what went wrong", async () => {
      await project.write("train.py", "raise SystemExit(3)");
      assert.equal((await project.task("reproduce")).code, 1);
      const directory = await project.run();
      await validate(directory);
      const action = (await readCrate(directory)).find((entity) => entity["@id"] === "#step-train");
      assert.equal(action?.actionStatus, "http://schema.org/FailedActionStatus");
      assert.match(action?.error as string, /3/);
    });
  },
});

Deno.test("every step is an action with all that made its results", async () => {
  await using project = await Project.make(FILES);
  await commit(project);
  assert.equal((await project.task("reproduce", [], { OMP_NUM_THREADS: "1" })).code, 0);
  const directory = await project.run();
  const graph = await readCrate(directory);
  const of = (id: string) => graph.find((entity) => entity["@id"] === id)!;
  const action = of("#step-infer");
  const { steps, attempts } = await project.evidence();
  assert.equal(action["@type"], "CreateAction");
  assert.equal(action.startTime, steps.infer.started.replace("Z", "+00:00"));
  assert.equal(action.endTime, steps.infer.ended.replace("Z", "+00:00"));
  assert.equal(action.actionStatus, "http://schema.org/CompletedActionStatus");
  const objects = (action.object as { "@id": string }[]).map((each) => each["@id"]);
  assert.deepEqual(objects, ["#parameter-seed", "train/metrics.json", "train/step.json"]);
  assert.deepEqual(action.result, [{ "@id": "infer/metrics.json" }, { "@id": "infer/step.json" }]);
  assert.equal(of((action.instrument as { "@id": string })["@id"]).version, attempts[0].code.commit);
  assert.match(of((action.agent as { "@id": string })["@id"]).name as string, /^User \d+ of /);
  assert.ok(
    (action.environment as { "@id": string }[]).some((each) => of(each["@id"]).name === "OMP_NUM_THREADS"),
  );
  assert.equal(of("infer/metrics.json").sha256, steps.infer.outputs[0].sha256);
});

Deno.test("containerImage() names registry, name, tag and hash", () => {
  const image = {
    name: "cschranz/gpu-jupyter:v1.10",
    id: "sha256:1d",
    config: "sha256:1d",
    layers: "sha256:1a",
    digest: "sha256:d1",
  };
  const [entity] = containerImage({ environment: { image } } as Attempt);
  assert.deepEqual(entity, {
    "@id": "#image-sha256%3Ad1",
    "@type": "ContainerImage",
    additionalType: { "@id": "https://w3id.org/ro/terms/workflow-run#DockerImage" },
    registry: "docker.io",
    name: "cschranz/gpu-jupyter",
    tag: "v1.10",
    sha256: "d1",
    description: "registry digest sha256:d1",
  });
  const [local] = containerImage({ environment: { image: { ...image, digest: undefined } } } as Attempt);
  const { registry, sha256, description } = local as Record<string, unknown>;
  assert.deepEqual([registry, sha256, description], ["localhost", "1d", "configuration sha256:1d"]);
  assert.deepEqual(containerImage({ environment: {} } as Attempt), []);
});

Deno.test("imageParts() takes names apart as Docker does", async (t) => {
  const cases: [image: string, published: boolean, registry: string, name: string, tag: string][] = [
    ["digits-resnet:cpu", false, "localhost", "digits-resnet", "cpu"],
    ["debian", true, "docker.io", "debian", "latest"],
    ["quay.io/jupyter/pytorch-notebook:x", true, "quay.io", "jupyter/pytorch-notebook", "x"],
    ["localhost:5000/a/b@sha256:1", true, "localhost:5000", "a/b", "latest"],
    ["localhost/a:1", false, "localhost", "a", "1"],
  ];
  for (const [image, published, registry, name, tag] of cases) {
    await t.step(image, () => assert.deepEqual(imageParts(image, published), { registry, name, tag }));
  }
});

Deno.test("fileId(), mediaType() and references() write what RO-Crate wants", () => {
  assert.equal(fileId("train/a b/ü#1?.txt"), "train/a%20b/%C3%BC%231%3F.txt");
  assert.equal(mediaType("a/plot.PNG"), "image/png");
  assert.equal(mediaType("a/model.safetensors"), "application/octet-stream");
  assert.equal(references([]), undefined);
  assert.deepEqual(references(["a", "a"]), { "@id": "a" });
  assert.deepEqual(references(["a", "b"]), [{ "@id": "a" }, { "@id": "b" }]);
});

Deno.test("roCrate() describes a run of which no step began, without a CITATION.cff", () => {
  const evidence = {
    run: "R",
    task: "train",
    status: "interrupted",
    created: "2026-11-25T00:00:00.000Z",
    experiment: { name: "test" },
    parameters: {},
    attempts: [{
      host: { name: "here" },
      environment: {},
      variables: {},
      code: { sha256: "c0de", dirty: [] },
    }],
    steps: {},
  } as unknown as Evidence;
  const graph = (roCrate({ evidence, files: {} }) as unknown as Graph)["@graph"];
  const root = graph.find((entity) => entity["@id"] === "./")!;
  assert.equal(root.name, "Run R of test");
  assert.equal(root.mentions, undefined);
  assert.equal(graph.find((entity) => entity["@id"] === "#license")?.name, "No licence is stated");
});

Deno.test("report --crate names what vanished or was altered, and leaves no file, nor half of one", async () => {
  await using project = await Project.make(FILES);
  assert.equal((await project.task("reproduce")).code, 0);
  const directory = await project.run();
  await Deno.remove(join(directory, "train/metrics.json"));
  await Deno.writeTextFile(join(directory, "infer/metrics.json"), "{}");
  const before = [...Deno.readDirSync(project.root)].length;
  const { code, stderr } = await project.task("report", ["--crate", "run.zip"]);
  assert.equal(code, 1);
  assert.match(stderr, /train\/metrics\.json: recorded, and not there any more/);
  assert.match(stderr, /infer\/metrics\.json: other bytes than recorded/);
  assert.equal([...Deno.readDirSync(project.root)].length, before);
});

Deno.test("a file of a run that could be started can be started where its crate is unpacked", async () => {
  await using project = await Project.make({
    "experiment.yaml": `name: made\nsteps:\n  make: { run: [bash, make.sh, "{out}"] }\n`,
    "make.sh": `echo 'echo hello' > "$1/hello.sh"\nchmod +x "$1/hello.sh"\n`,
  });
  assert.equal((await project.task("reproduce")).code, 0);
  const { code, stderr } = await project.task("report", ["--crate", "run.zip"]);
  assert.equal(code, 0, stderr);
  await new Deno.Command("unzip", { args: ["-q", "run.zip", "-d", "out"], cwd: project.root }).output();
  const modes = ["make/hello.sh", "plan.json"].map((path) =>
    Deno.statSync(project.path(`out/${path}`)).mode!
  );
  assert.deepEqual(modes.map((mode) => mode & 0o111), [0o111, 0]);
});

Deno.test("report --crate overwrites nothing, and says so of a folder that is not there", async () => {
  await using project = await Project.make({ ...FILES, "taken.zip": "mine" });
  assert.equal((await project.task("reproduce")).code, 0);
  const taken = await project.task("report", ["--crate", "taken.zip"]);
  assert.equal(taken.code, 2);
  assert.match(taken.stderr, /taken\.zip exists already/);
  assert.equal(await Deno.readTextFile(project.path("taken.zip")), "mine");
  const nowhere = await project.task("report", ["--crate", "nowhere/run.zip"]);
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.stderr, /there is no folder .*nowhere/);
});

Deno.test({
  name: "CITATION.cff is valid, and codemeta.json says the same",
  ignore: bin === undefined,
  async fn() {
    const cffconvert = join(bin!, "cffconvert");
    const file = join(ROOT, "CITATION.cff");
    assert.match(await output(cffconvert, "--validate", "-i", file), /are valid/);
    const theirs = JSON.parse(await output(cffconvert, "-f", "codemeta", "-i", file));
    const ours = JSON.parse(await codemetaText());
    assert.deepEqual([ours.name, ours.version, ours.keywords], [
      theirs.name,
      theirs.version,
      theirs.keywords,
    ]);
    assert.deepEqual(ours.license, [theirs.license]);
    assert.deepEqual(ours.author[0].name, theirs.author[0].name);
  },
});

Deno.test("codemeta.json is what CITATION.cff says", async () => {
  const written = await Deno.readTextFile(join(ROOT, "codemeta.json"));
  assert.equal(written, await codemetaText(), "deno task generate makes it again");
});

Deno.test("codemeta() takes over people, licences and the article to cite", () => {
  const citation: Citation = {
    title: "x",
    license: ["MIT", "Apache-2.0"],
    authors: [{ "given-names": "Ada", "family-names": "Lovelace", orcid: "https://orcid.org/0" }],
    "preferred-citation": { title: "y", doi: "10.1/2", year: 2025, authors: [{ name: "The group" }] },
  };
  const meta = codemeta(citation);
  assert.deepEqual(meta.license, ["https://spdx.org/licenses/MIT", "https://spdx.org/licenses/Apache-2.0"]);
  const [author] = meta.author as Record<string, unknown>[];
  assert.equal(author!["@id"], "https://orcid.org/0");
  assert.equal(author!.name, "Ada Lovelace");
  assert.equal((meta.referencePublication as Record<string, unknown>)["@id"], "https://doi.org/10.1/2");
});

Deno.test("readCitation() takes a file that is broken or not there for none", async () => {
  await using project = await Project.make({ "CITATION.cff": "title: [" });
  assert.equal(await readCitation(project.root), undefined);
  assert.equal(await readCitation(project.path("nowhere")), undefined);
});
