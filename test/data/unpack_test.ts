import assert from "node:assert/strict";
import { zstdCompressSync } from "node:zlib";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import { unpack, type UnpackOptions } from "../../tasks/lib/data/archive/unpack.ts";
import { listFiles, sha256File } from "../../tasks/lib/system/files.ts";
import { ended, Project, ROOT } from "../support/project.ts";
import { mount, mountable, unmount } from "../support/small_disk.ts";

/** Archives made by Python, once for all tests. */
const made = await Deno.makeTempDir({ prefix: "archives-" });

addEventListener("unload", () => Deno.removeSync(made, { recursive: true }));

{
  const args = [`${ROOT}/test/support/made_archives.py`, made];
  const { code, stderr } = await ended(
    new Deno.Command("python3", { args, stdout: "piped", stderr: "piped" }).spawn(),
  );
  assert.equal(code, 0, stderr);
  await Deno.writeFile(`${made}/good/zst.tar`, zstdCompressSync(await Deno.readFile(`${made}/good/pax.tar`)));
}

function kindOf(archive: string): "zip" | "tar" {
  return archive.endsWith(".zip") ? "zip" : "tar";
}

/** Unpacks what must fail, and sees that nothing is left. */
async function refusal(archive: string, options: UnpackOptions = {}): Promise<Failure> {
  await using place = await Project.make({});
  let failure: unknown;
  await unpack(archive, kindOf(archive), place.path("data"), options).catch((error) => failure = error);
  assert.ok(failure instanceof Failure, `${archive} was unpacked`);
  assert.deepEqual([...Deno.readDirSync(place.root)], []);
  assert.ok(failure.message.includes(archive), failure.message);
  return failure;
}

async function hashes(folder: string): Promise<Record<string, string>> {
  const files = await listFiles(folder);
  return Object.fromEntries(
    await Promise.all(files.map(async ({ path }) => [path, await sha256File(`${folder}/${path}`)])),
  );
}

Deno.test("archives of every form are unpacked to the same files", async (t) => {
  const expected = await hashes(`${made}/tree`);
  const bytes = (await listFiles(`${made}/tree`)).reduce((sum, file) => sum + file.bytes, 0);
  const archives = [...Deno.readDirSync(`${made}/good`)].map(({ name }) => name).sort();
  assert.equal(archives.length, 11);
  for (const name of archives) {
    await t.step(name, async () => {
      await using place = await Project.make({});
      const unpacked = await unpack(`${made}/good/${name}`, kindOf(name), place.path("data"));
      assert.deepEqual(await hashes(place.path("data")), expected);
      assert.deepEqual([unpacked.files, unpacked.bytes], [Object.keys(expected).length, bytes]);
      const recorded = unpacked.manifest.files.map(({ path, sha256 }) => [path, sha256]);
      assert.deepEqual(Object.fromEntries(recorded), expected);
      assert.deepEqual([...Deno.readDirSync(place.root)].map(({ name }) => name).sort(), [
        "data",
        "data.manifest.json",
      ]);
    });
  }
});

Deno.test("of an archive's modes no more is taken than that a file can be started; none can be written to", async (t) => {
  for (const kind of ["zip", "tar"] as const) {
    await t.step(kind, async () => {
      await using place = await Project.make({});
      await unpack(`${made}/modes/modes.${kind}`, kind, place.path("data"));
      for (const { path } of await listFiles(place.path("data"))) {
        const expected = path.endsWith(".sh") ? 0o555 : 0o444;
        const { mode } = await Deno.stat(place.path("data", path));
        assert.equal(mode! & 0o7777, expected & ~Deno.umask(), path);
      }
    });
  }
});

Deno.test("names that lead out, or meet another, are refused in a zip and in a tar archive", async (t) => {
  const cases: [string, RegExp][] = [
    ["parent", /: "a\/\.\.\/\.\.\/evil" holds "\.\.", which leaves the folder$/],
    ["absolute", /: "\/tmp\/evil" is absolute$/],
    ["drive", /: "C:\/evil" is absolute$/],
    ["backslash", /: "a\\\\\.\.\\\\\.\.\\\\evil" holds a backslash/],
    ["control", /: "a\\nb" holds a control character$/],
    ["twice", /: "a" is there twice$/],
    ["case", /: "forest" differs from "Forest" only by letter case or Unicode form$/],
    ["form", /: "\u00fc" differs from "u\u0308" only by letter case or Unicode form$/],
    ["file_in_file", /: "a" is both a file and a folder$/],
    ["file_over_folder", /: "a" is both a file and a folder$/],
    ["long", /is longer than the 4096 characters of a path$/],
    ["dot", /: "a\/\.\/b" holds an empty part or "\."$/],
  ];
  for (const [name, message] of cases) {
    for (const kind of ["zip", "tar"]) {
      await t.step(`${name}.${kind}`, async () => {
        const { exitCode, message: found } = await refusal(`${made}/names/${name}.${kind}`);
        assert.equal(exitCode, 2);
        assert.match(found, message);
        await assert.rejects(Deno.lstat("/tmp/evil"));
      });
    }
  }
});

Deno.test("what is unsafe, damaged or not what it says is refused, and named", async (t) => {
  const cases: [string, RegExp][] = [
    ["names/nul.zip", /"a\\u0000b" holds a control character/],
    ["names/latin.zip", /not UTF-8: "aüb"/],
    ["kinds/link.zip", /"2750\/x" is a link/],
    ["kinds/link.tar", /"2750\/x" is a symbolic link/],
    ["kinds/through_link.zip", /"a" is a link/],
    ["kinds/hardlink.tar", /"2750\/x" is a hard link/],
    ["kinds/device.zip", /"2750\/x" is a device/],
    ["kinds/device.tar", /"2750\/x" is a device/],
    ["kinds/fifo.tar", /"2750\/x" is a pipe/],
    ["kinds/sparse.tar", /"2750\/x" is a sparse file/],
    ["kinds/unknown.tar", /"2750\/x" is of the unknown type "Z"/],
    ["damaged/crc.zip", /"6\.bin" is damaged: its checksum/],
    ["damaged/crc_of_many.zip", /"6\.bin" is damaged: its checksum/],
    ["damaged/crc_of_large.zip", /"large\.bin" is damaged: its checksum/],
    ["damaged/stream.zip", /"x" is damaged: invalid/],
    ["damaged/cut.zip", /it is no zip, or its end is missing/],
    ["damaged/hole.zip", /bytes in it are missing/],
    ["damaged/page.zip", /it is no zip, or its end is missing/],
    ["damaged/page.tar", /it is no tar archive, and not compressed by/],
    ["damaged/nothing.zip", /it is no zip, or its end is missing/],
    ["damaged/nothing.tar", /it is cut off/],
    ["damaged/cut_plain.tar", /it is cut off: its end is missing, within "5\.bin"/],
    ["damaged/cut_gz.tar", /it is damaged: unexpected end of file, within "\d\.bin"/],
    ["damaged/cut_xz.tar", /it is damaged: .*xz: .*Unexpected end of input/],
    ["damaged/cut_bz2.tar", /it is damaged: .*bzip2: .*ends unexpectedly/],
    ["damaged/crc_gz.tar", /it is damaged: incorrect data check/],
    ["damaged/header.tar", /it is damaged: a header is no header, behind "2\.bin"/],
    ["damaged/no_end.tar", /it is cut off: its end is missing, behind "9\.bin"/],
    ["damaged/behind.tar", /there is more behind its end/],
    ["liars/encrypted.zip", /"secret" is encrypted/],
    ["liars/smaller.zip", /"x" has not the 10 bytes/],
    ["liars/larger.zip", /"x" has not the 4000 bytes/],
    ["liars/large_smaller.zip", /"x" has not the 4500000 bytes/],
    ["liars/large_larger.zip", /"x" has not the 5000001 bytes/],
    ["liars/overlap.zip", /"a" is cut off, or shares bytes with the next file/],
    ["liars/inside.zip", /"a" is cut off, or shares bytes with the next file/],
    ["liars/lzma.zip", /"x" is compressed by method 14/],
    ["liars/no_room.zip", /it names 100 files, and has no room for so many/],
    ["liars/count.zip", /more than the 1 entries/],
    ["bombs/header_bomb.tar", /it has a header of 6000000 bytes/],
  ];
  for (const [name, message] of cases) {
    await t.step(name, async () => {
      const { exitCode, message: found } = await refusal(`${made}/${name}`);
      assert.equal(exitCode, 2);
      assert.match(found, message);
    });
  }
});

Deno.test("a bomb ends early: the limit is named, and what to do if there is none", async (t) => {
  const cases: [string, UnpackOptions["limits"], RegExp, RegExp][] = [
    ["zeros", {}, /more than 200 times its own 11\d kB/, /declare it without "unpack"/],
    ["zeros", { bytes: 50e6 }, /more than 50\.0 MB/, /declare it without "unpack"/],
    ["many", { files: 1000 }, /more than 1000 files and folders/, /declare it without "unpack"/],
  ];
  for (const [name, limits, message, remedy] of cases) {
    for (const kind of ["zip", "tar"]) {
      await t.step(`${name}.${kind} ${JSON.stringify(limits)}`, async () => {
        const failure = await refusal(`${made}/bombs/${name}.${kind}`, { limits });
        assert.equal(failure.exitCode, 2);
        assert.match(failure.message, message);
        assert.match(failure.details.remedy ?? "", remedy);
      });
    }
  }
});

Deno.test("a target that exists is left as it is", async () => {
  await using place = await Project.make({ "data/mine": "kept" });
  await assert.rejects(unpack(`${made}/good/pax.tar`, "tar", place.path("data")), /it exists already/);
  assert.deepEqual((await listFiles(place.root)).map(({ path }) => path), ["data/mine"]);
});

Deno.test("progress counts files and bytes, of all that there are in a zip", async () => {
  for (const name of ["damaged/sound.zip", "bombs/many.tar"]) {
    await using place = await Project.make({});
    const seen: { files: number; bytes: number }[] = [];
    let total: unknown;
    const unpacked = await unpack(`${made}/${name}`, kindOf(name), place.path("data"), {
      onProgress: (done, all) => [total] = [all, seen.push(done)],
    });
    const { files, bytes } = unpacked;
    assert.ok(seen.length > 2 && seen.every(({ files }, i) => i === 0 || files >= seen[i - 1]!.files));
    assert.deepEqual(seen.at(-1), { files, bytes });
    assert.deepEqual(total, name.endsWith("zip") ? { files, bytes } : undefined);
  }
});

Deno.test("an interrupted unpacking leaves nothing", async (t) => {
  for (const name of ["damaged/sound.zip", "bombs/many.zip", "bombs/many.tar"]) {
    await t.step(name, async () => {
      const stopping = new AbortController();
      const { exitCode, message } = await refusal(`${made}/${name}`, {
        signal: stopping.signal,
        onProgress: () => stopping.abort(),
      });
      assert.equal(exitCode, 130);
      assert.match(message, /nothing of it is left/);
    });
  }
});

function inProcess(archive: string, target: string, env: Record<string, string> = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--quiet", "--allow-read", "--allow-write", "--allow-env"],
      ...["--allow-sys=hostname", "--allow-run"],
      ...[
        "--config",
        `${ROOT}/deno.json`,
        `${ROOT}/test/support/unpack_process.ts`,
        archive,
        kindOf(archive),
        target,
      ],
    ],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test("a killed unpacking is no data set, holds nobody up, and is cleaned away", async (t) => {
  for (const kind of ["zip", "tar"] as const) {
    await t.step(kind, async () => {
      await using place = await Project.make({});
      const target = place.path("data");
      const child = inProcess(`${made}/bombs/many.${kind}`, target);
      const reader = child.stdout.getReader();
      assert.match(new TextDecoder().decode((await reader.read()).value), /files are there/);
      await reader.cancel();
      const again = () => unpack(`${made}/bombs/many.${kind}`, kind, target);
      await assert.rejects(again(), /locked by process/);
      child.kill("SIGKILL");
      await child.status;
      await child.stderr.cancel();
      assert.ok((await listFiles(place.path("data.unpacking"))).length > 0);
      await assert.rejects(Deno.lstat(target));
      assert.equal((await again()).files, 2500);
      assert.deepEqual([...Deno.readDirSync(place.root)].map(({ name }) => name).sort(), [
        "data",
        "data.manifest.json",
      ]);
    });
  }
});

Deno.test("a program that is missing for xz or bzip2 is named, and how to get it", async (t) => {
  for (
    const [name, message] of [["xz", /compressed by xz, and/], ["bz2", /compressed by bzip2, and/]] as const
  ) {
    await t.step(name, async () => {
      await using place = await Project.make({});
      const child = inProcess(`${made}/good/${name}.tar`, place.path("data"), { PATH: place.root });
      const { code, stdout } = await ended(child);
      assert.equal(code, 1);
      assert.match(stdout, message);
    });
  }
});

Deno.test("an archive that is not there is named", async () => {
  assert.match((await refusal(`${made}/none.zip`)).message, /there is no such file/);
});

Deno.test(
  { name: "a disk that is full is seen before, or ends it without a trace", ignore: !mountable },
  async (t) => {
    const cases: [string, string, RegExp, RegExp][] = [
      [
        "good/deflated.zip",
        "size=2m",
        /it needs about 5\.\d MB, and the disk has 2\.\d MB free/,
        /Free 3\.\d MB/,
      ],
      ["good/gz.tar", "size=2m", /the disk is full; nothing of it is left/, /Free some space/],
      [
        "bombs/many.zip",
        "size=20m,nr_inodes=2000",
        /the disk is full; nothing of it is left/,
        /Free some space/,
      ],
    ];
    for (const [name, options, message, remedy] of cases) {
      await t.step(`${name} on ${options}`, async () => {
        await using place = await Project.make({});
        await mount(place.path("small"), options);
        try {
          const failed = unpack(`${made}/${name}`, kindOf(name), place.path("small/data"));
          await assert.rejects(failed, (error) => {
            assert.ok(error instanceof Failure && error.exitCode === 3);
            assert.match(error.message, message);
            assert.match(error.details.remedy ?? "", remedy);
            return true;
          });
          assert.deepEqual([...Deno.readDirSync(place.path("small"))], []);
        } finally {
          await unmount(place.path("small"));
        }
      });
    }
  },
);

Deno.test({ name: "a bomb that states less than it is ends early", ignore: !mountable }, async () => {
  await using place = await Project.make({});
  await mount(place.path("small"), "size=10m"); // enough for what it states, not for what it is
  try {
    const unpacked = unpack(`${made}/liars/bomb.zip`, "zip", place.path("small/data"));
    await assert.rejects(unpacked, /"x" has not the 4500000 bytes that the directory states/);
  } finally {
    await unmount(place.path("small"));
  }
});
