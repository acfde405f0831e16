/** What a login node is told, and what is said where it can't be reached; the tests with Slurm are beside this one. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { bring, loginOf, NotReached, send, sendFiles, write } from "../../tasks/lib/cluster/login.ts";
import { relocate } from "../../tasks/lib/cluster/relocate.ts";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import { Project } from "../support/project.ts";
import { mount, mountable, unmount } from "../support/small_disk.ts";
import { LOGIN, Sshd, sshMissing } from "../support/sshd.ts";

const missing = await sshMissing();
if (missing !== undefined) console.log(`ignored: the tests with an ssh daemon, since ${missing}`);

const ODD = [
  "a b",
  "it's",
  '"',
  "$HOME",
  "`id`",
  "two\nlines",
  "",
  "-rf",
  "--",
  "*",
  "~",
  "\\",
  "a;b",
  "é",
  "!x",
  "%d",
];

Deno.test({ name: "a login node", ignore: missing !== undefined }, async (t) => {
  await using sshd = await Sshd.start({ NAME: "VALUE" });
  const before = Deno.env.get("PATH")!;
  Deno.env.set("PATH", sshd.env.PATH!);
  try {
    await using project = await Project.make({});
    const login = loginOf(LOGIN);

    await t.step("any argument arrives there as it is", async () => {
      const { code, stdout, stderr } = await login.run(["printf", "%s\\0", ...ODD]);
      assert.equal(code, 0, stderr);
      assert.deepEqual(stdout.split("\0").slice(0, -1), ODD);
    });

    await t.step("an exit code is a result, and input arrives", async () => {
      const input = new TextEncoder().encode("hello");
      const { code, stdout } = await login.run(["sh", "-c", "cat; exit 7"], { input });
      assert.deepEqual([code, stdout], [7, "hello"]);
      assert.equal((await login.run(["no-such-program"])).code, 127);
    });

    await t.step("files go there and come back, whatever they are called", async () => {
      const [here, there, back] = ["here", "the re's", "back"].map((name) => project.path(name));
      for (const [index, name] of ODD.filter((name) => name !== "").entries()) {
        await project.write(join("here", `x${name}`), String(index));
      }
      await project.write("here/left", "");
      await Deno.symlink("/etc/passwd", join(here!, "outside"));
      const names = [...Deno.readDirSync(here!)].map(({ name }) => name).filter((name) => name !== "left");
      await send(LOGIN, here!, there!, names);
      await write(LOGIN, join(there!, "jobs"), "one\n");
      const sent = names.filter((name) => name !== "outside").sort();
      assert.deepEqual(
        [...Deno.readDirSync(there!)].map(({ name }) => name).sort(),
        [...sent, "jobs"].sort(),
      );
      // All of a folder, without what is there no longer; and nothing of others.
      await project.write("back/run/step/old", "");
      await project.write("back/run/evidence.json", "{}");
      await project.write("the re's/run/step/new", "new");
      await bring(LOGIN, there!, back!, ["jobs", "run/step/", "run/node.json"]);
      assert.equal(await Deno.readTextFile(join(back!, "jobs")), "one\n");
      assert.deepEqual([...Deno.readDirSync(join(back!, "run/step"))].map(({ name }) => name), ["new"]);
      assert.deepEqual([...Deno.readDirSync(back!)].map(({ name }) => name).sort(), ["jobs", "run"]);
      assert.equal(await Deno.readTextFile(join(back!, "run/evidence.json")), "{}");
    });

    await t.step("where one may not write, it is said", async () => {
      await assert.rejects(write(LOGIN, "/proc/nothing", ""), (error) => {
        assert.match((error as Failure).message, /^Cannot write on login: .*\/proc\/nothing/);
        return error instanceof Failure && !(error instanceof NotReached);
      });
    });

    await t.step({
      name: "a full disk there is called so, whatever is written",
      ignore: !mountable,
      fn: async () => {
        const disk = project.path("disk");
        await mount(disk, "size=64k");
        try {
          await project.write("big/photos.csv", "x".repeat(200_000));
          const full = (error: Failure) => {
            assert.match(error.message, /^There is no room on login: .*No space left on device/);
            return error instanceof Failure && !(error instanceof NotReached);
          };
          await assert.rejects(
            sendFiles(LOGIN, project.path("big"), join(disk, "a"), ["photos.csv"]),
            full,
          );
          await assert.rejects(write(LOGIN, join(disk, "jobs"), "x".repeat(200_000)), full);
        } finally {
          await unmount(disk);
        }
      },
    });

    await t.step("another host's key, a key that does not fit, and nobody there", async () => {
      const failure = async () => {
        const error = await login.run(["true"]).then(() => undefined, (error) => error);
        assert.ok(error instanceof NotReached && error.exitCode === 3);
        const copied = await bring(LOGIN, "/etc", project.path("x"), ["hosts"]).catch((error) => error);
        assert.ok(copied instanceof NotReached, copied?.message);
        return `${error.message} ${error.details.remedy}`;
      };
      const known = join(sshd.folder, "known_hosts");
      const [, other] = (await Deno.readTextFile(join(sshd.folder, "user_key.pub"))).split(" ");
      await Deno.writeTextFile(known, `${LOGIN} ssh-ed25519 ${other}\n`);
      assert.match(await failure(), /^Cannot reach login: Host key verification failed.* Log in by hand/);
      await sshd.trust();
      await Deno.rename(join(sshd.folder, "authorized_keys"), join(sshd.folder, "none"));
      assert.match(await failure(), /^Cannot reach login: .*Permission denied .* without a question/);
      await sshd.stop();
      assert.match(await failure(), /^Cannot reach login: .*Connection refused.* Try: ssh login true/);
    });
  } finally {
    Deno.env.set("PATH", before);
  }
});

Deno.test({ name: "a login node without rsync", ignore: missing !== undefined }, async () => {
  await using project = await Project.make({ "here/a": "" });
  // All that is found without a login shell, as rsync would be.
  await Deno.symlink("/bin/bash", project.path("bash"));
  await using sshd = await Sshd.start({ PATH: project.root });
  const before = Deno.env.get("PATH")!;
  Deno.env.set("PATH", sshd.env.PATH!);
  try {
    await assert.rejects(send(LOGIN, project.path("here"), project.path("there")), (error) => {
      assert.match((error as Failure).message, /^Cannot copy from or to login: there is no rsync on it$/);
      return !(error instanceof NotReached);
    });
  } finally {
    Deno.env.set("PATH", before);
  }
});

Deno.test("without ssh it is said how to get it, and that a host may be no option", async () => {
  const python = "python3";
  await using project = await Project.make({
    "experiment.yaml": "name: test\nparameters: { seed: 1 }\nsteps: { train: { run: [python3, -V] } }\n",
    "hosts/far.yaml": "host: ada@far\nfolder: /scratch/ada\n",
    "hosts/odd.yaml": "partition: main\nhost: -oProxyCommand=id\nfolder: scratch\n",
  });
  const found = await new Deno.Command("sh", { args: ["-c", `command -v ${python}`] }).output();
  const env = { PATH: project.root, PYTHON: new TextDecoder().decode(found.stdout).trim() };
  const { code, stderr } = await project.task("sweep", ["--seeds", "2", "--on", "far"], env);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /Cannot start "ssh"[^]*apt-get install openssh-client/);
  const odd = await project.task("sweep", ["--seeds", "2", "--on", "odd"]);
  assert.equal(odd.code, 2);
  assert.match(odd.stderr, /host must be user@login, .* \(hosts\/odd\.yaml:2:7\)/);
  assert.match(odd.stderr, /folder must be an absolute path on the cluster \(hosts\/odd\.yaml:3:9\)/);
});

Deno.test("what is not copied to a login node is refused before anything is asked of it", async (t) => {
  const far = "host: nowhere.invalid\nfolder: /scratch\n";
  const cases: [what: string, yaml: string, file: string, said: RegExp][] = [
    [
      "requirements",
      "environment: { requirements: requirements.txt }\n",
      far,
      /far\.yaml does not say in which Python/,
    ],
    [
      "a container",
      "",
      `${far}environment: apptainer\n`,
      /environment must be host where .* \(hosts\/far\.yaml:3:14\)/,
    ],
    [
      "no folder",
      "",
      "host: nowhere.invalid\n",
      /folder must be given with host, .* \(hosts\/far\.yaml:1:1\)/,
    ],
    ["python alone", "", "python: /usr/bin/python3\n", /python must be left out, or be given with host/],
  ];
  for (const [what, yaml, file, said] of cases) {
    await t.step(what, async () => {
      await using project = await Project.make({
        "experiment.yaml": `name: test\n${yaml}steps: { train: { run: [python3, -V] } }\n`,
        "requirements.txt": "numpy\n",
        "hosts/far.yaml": file,
      });
      const { code, stderr } = await project.task("train", ["--on", "far"]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, said);
    });
  }
});

Deno.test("what a step downloads, and steps of earlier runs, are missed before a login node is asked", async (t) => {
  await using project = await Project.make({
    "experiment.yaml": `name: test
data: { photos: { to: photos.csv } }
steps:
  train: { run: [python3, -V] }
  read: { run: [python3, -V], needs: [train] }
  look: { run: [python3, -V], data: [photos] }
`,
    "hosts/far.yaml": "host: nowhere.invalid\nfolder: /scratch\n",
  });
  const refused = async (step: string) => {
    const { code, stderr } = await project.task("step", [step, "--on", "far"]);
    assert.equal(code, 2, stderr);
    return stderr;
  };
  await t.step("downloads", async () => {
    assert.match(
      await refused("look"),
      /"look" can't run on a cluster: what it downloads by itself .* from nowhere\.invalid: give the data urls/,
    );
  });
  await t.step("an earlier run", async () => {
    assert.equal((await project.task("step", ["train", "--engine", "host"])).code, 0);
    assert.match(
      await refused("read"),
      /it needs "train" of an earlier run, which is not on nowhere\.invalid/,
    );
  });
});

Deno.test("relocate() changes paths of whole folders, the innermost first, wherever a text names them", () => {
  const moved = [["/home/me/project", "/far/code"], ["/home/me/project/runs/1", "/far/run"]] as const;
  const told = {
    argv: [
      "--out=/home/me/project/runs/1/train",
      "/home/me/project",
      "/home/me/project-2",
      "/x/home/me/project",
    ],
    path: "/home/me/project/bin:/usr/bin",
    count: 3,
    none: null,
  };
  assert.deepEqual(relocate(told, moved), {
    argv: ["--out=/far/run/train", "/far/code", "/home/me/project-2", "/x/home/me/project"],
    path: "/far/code/bin:/usr/bin",
    count: 3,
    none: null,
  });
});
