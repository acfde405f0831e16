import assert from "node:assert/strict";
import { join } from "node:path";
import { type Known, likelyCause, parseSubuid } from "../../tasks/lib/permissions/cause.ts";
import { findCommand } from "../../tasks/lib/permissions/find.ts";
import { chooseImage, helperCommand, type Place } from "../../tasks/lib/permissions/place.ts";
import { planRequest, type Request, sudoCaller } from "../../tasks/lib/permissions/request.ts";
import { ROOT } from "../support/project.ts";

const CALLER = { uid: 1234, gid: 5678, groups: [100, 42], isRoot: false };

const REQUEST: Request = {
  root: "/home/a/my: project",
  uid: 1234,
  gid: 5678,
  groups: [100],
  toContainer: false,
  group: false,
};

const INSIDE = join(ROOT, "tasks/inside/ownership");

Deno.test("planRequest() gives to the caller, with their groups, or to the containers' user alone", () => {
  const options = { "to-container": false, group: true };
  assert.deepEqual(planRequest("/p", CALLER, options), {
    root: "/p",
    uid: 1234,
    gid: 5678,
    groups: [100, 42],
    toContainer: false,
    group: true,
  });
  const { uid, gid, groups, toContainer } = planRequest("/p", CALLER, { ...options, "to-container": true });
  assert.deepEqual([uid, gid, groups, toContainer], [1000, 100, [], true]);
});

Deno.test("sudoCaller() is who typed sudo, and nobody where the variables are amiss", async (t) => {
  const cases: [env: Record<string, string>, expected: ReturnType<typeof sudoCaller>][] = [
    [{ SUDO_UID: "1234", SUDO_GID: "5678", SUDO_USER: "ada" }, { uid: 1234, gid: 5678, name: "ada" }],
    [{ SUDO_UID: "1234", SUDO_GID: "5678" }, { uid: 1234, gid: 5678, name: "1234" }],
    [{ SUDO_UID: "1234" }, undefined],
    [{ SUDO_UID: "-1", SUDO_GID: "x" }, undefined],
    [{}, undefined],
  ];
  for (const [env, expected] of cases) {
    await t.step(JSON.stringify(env), () => assert.deepEqual(sudoCaller(env), expected));
  }
});

Deno.test("findCommand() asks find for the first entry that is not right", async (t) => {
  const [before, after] = ["find|/home/a/my: project|-xdev|(|", "|)|-print|-quit"];
  const owner = "!|-uid|1234|-o|!|(|-gid|5678|-o|-gid|100|)";
  const rights = "-o|-type|f|!|-perm|-060|-o|-type|d|!|-perm|-070";
  const cases: [name: string, request: Request, what: "anything" | "foreign users", expected: string][] = [
    ["owners", REQUEST, "anything", owner],
    ["owners and rights", { ...REQUEST, group: true }, "anything", `${owner}|${rights}`],
    ["what needs root", { ...REQUEST, group: true }, "foreign users", "!|-uid|1234"],
  ];
  for (const [name, request, what, expected] of cases) {
    await t.step(name, () => {
      assert.equal(findCommand(request, what).join("|"), `${before}${expected}${after}`);
    });
  }
});

const CONTAINER: Place = { kind: "container", program: "docker", image: "a:cpu", rootless: false };

Deno.test("helperCommand() runs the helper directly", () => {
  const request = { ...REQUEST, group: true };
  assert.deepEqual(helperCommand({ kind: "here" }, request, true, "name"), [
    ...["python3", "-E", "-s", "-S", "-B", "-X", "utf8", `${INSIDE}/fix_ownership.py`, request.root],
    ...["--uid", "1234", "--gid", "5678", "--also-gid", "100", "--group", "--repair"],
  ]);
});

Deno.test("helperCommand() runs it in a container as root that sees the project alone", () => {
  assert.deepEqual(helperCommand(CONTAINER, REQUEST, true, "name"), [
    ...["docker", "run", "--rm", "--name", "name"],
    ...["--label", "experiment.role=permissions", "--label", `experiment.project=${REQUEST.root}`],
    ...["--pull", "never", "--network", "none", "--read-only", "--user", "0:0", "--workdir", "/"],
    ...["--userns", "host", "--cap-drop", "ALL"],
    ...["--cap-add", "CHOWN", "--cap-add", "DAC_OVERRIDE", "--cap-add", "FOWNER", "--cap-add", "FSETID"],
    ...["--security-opt", "no-new-privileges", "--security-opt", "label=disable"],
    ...["--mount", `type=bind,source=${REQUEST.root},target=/project`],
    ...["--mount", `type=bind,source=${INSIDE},target=/inside,readonly`],
    ...["--entrypoint", "python3", "a:cpu", "-E", "-s", "-S", "-B", "-X", "utf8"],
    ...["/inside/fix_ownership.py", "/project", "--uid", "1234", "--gid", "5678", "--also-gid", "100"],
    "--repair",
  ]);
});

Deno.test("helperCommand() says which ids are meant, and mounts read-only what is only looked at", async (t) => {
  const rootless: Place = { ...CONTAINER, program: "podman", rootless: true };
  const cases: [name: string, place: Place, request: Request, outside: boolean][] = [
    ["rootful", CONTAINER, REQUEST, false],
    ["rootless", rootless, REQUEST, true],
    ["rootless, to the container's user", rootless, { ...REQUEST, toContainer: true }, false],
  ];
  for (const [name, place, request, outside] of cases) {
    await t.step(name, () => {
      const argv = helperCommand(place, request, false, "name");
      assert.equal(argv.includes("--outside-ids"), outside);
      assert.equal(argv.includes("--repair"), false);
      assert.ok(argv.includes(`type=bind,source=${REQUEST.root},target=/project,readonly`));
    });
  }
  await t.step("nerdctl has no --userns", () => {
    const argv = helperCommand(
      { ...CONTAINER, program: "nerdctl" },
      { ...REQUEST, root: "/p" },
      true,
      "name",
    );
    assert.equal(argv.includes("--userns"), false);
  });
});

Deno.test("chooseImage() takes an image of this project, else one that is known to have Python", async (t) => {
  const cases: [own: string[], all: string[], expected: string | undefined][] = [
    [["digits:gpu", "digits:cpu"], ["python:3.13", "digits:gpu", "digits:cpu"], "digits:gpu"],
    [[], ["debian:12", "python:3.13-slim"], "python:3.13-slim"],
    [
      [],
      ["cschranz/gpu-jupyter:v1.10_cuda-12.9_ubuntu-24.04"],
      "cschranz/gpu-jupyter:v1.10_cuda-12.9_ubuntu-24.04",
    ],
    [[], ["quay.io/jupyter/pytorch-notebook:latest"], "quay.io/jupyter/pytorch-notebook:latest"],
    [[], ["localhost/python:3"], "localhost/python:3"],
    [[], ["debian:12", "my-python-free:1", "cpython-docs:1"], undefined],
    [[], [], undefined],
  ];
  for (const [own, all, expected] of cases) {
    await t.step(all.join(" ") || "no image", () => assert.equal(chooseImage(own, all), expected));
  }
});

Deno.test("likelyCause() tells where a file is likely from", async (t) => {
  const known: Known = { you: CALLER, ranges: parseSubuid("ada:100000:65536\n\nbroken\n"), name: undefined };
  const cases: [uid: number, gid: number, name: string | undefined, expected: RegExp][] = [
    [0, 0, "root", /^root: a container that ran as root/],
    [0, 5678, "root", /^root: /],
    [1000, 100, "bob", /^jovyan: .*GPU-Jupyter/],
    [1000, 1000, "bob", /^bob: another user here$/],
    [1234, 0, "me", /^you, but a group that you are not in/],
    [1234, 5678, "me", /^you$/],
    [100999, 100099, undefined, /^a rootless container of ada/],
    [165536, 100, undefined, /^a container's user, or one of another machine/],
    [65534, 65534, "nobody", /^nobody: an id that is not known here/],
  ];
  for (const [uid, gid, name, expected] of cases) {
    await t.step(
      `${uid}:${gid}`,
      () => assert.match(likelyCause({ uid, gid }, { ...known, name }), expected),
    );
  }
});
