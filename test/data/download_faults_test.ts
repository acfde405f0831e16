/** What becomes of a download when the server, the network or the disk fails: each fault is a real one. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Failure } from "../../tasks/lib/cli/failure.ts";
import {
  download,
  type DownloadOptions,
  type DownloadRequest,
} from "../../tasks/lib/data/download/download.ts";
import { exists, sha256 } from "../../tasks/lib/system/files.ts";
import {
  type Answer,
  cutOff,
  fileAnswer,
  HAS_OPENSSL,
  selfSigned,
  serve,
  serveTunnel,
  someBytes,
  type WebServer,
} from "../support/web_server.ts";

// A proxy of the machine is none of this test's business.
Deno.env.set("NO_PROXY", "127.0.0.1");

const https = { ignore: !HAS_OPENSSL };

if (https.ignore) {
  console.log("ignored: the tests with https, since there is no openssl, which makes their certificate");
}

const DATA = someBytes(1_000_000);

const HASH = sha256(DATA);

const OTHER = someBytes(1_000_000, 2);

const QUICK = { pauseMs: 10, idleMs: 400, longestPauseMs: 3000 };

class Folder implements AsyncDisposable {
  lines: string[] = [];
  constructor(readonly path: string) {}

  static async make(): Promise<Folder> {
    return new Folder(await Deno.makeTempDir());
  }

  get target(): string {
    return join(this.path, "file.bin");
  }

  /** Downloads `file.bin` from servers, with the right hash and size unless told otherwise. */
  async fetch(
    servers: (WebServer | string)[],
    wanted: Partial<DownloadRequest> = {},
    options: DownloadOptions = {},
  ) {
    const urls = servers.map((server) => typeof server === "string" ? server : `${server.url}file.bin`);
    const log = (line: string) => this.lines.push(line);
    return await download(
      { name: "EuroSAT", urls, sha256: HASH, size: DATA.length, ...wanted },
      this.target,
      { log, patience: QUICK, ...options },
    );
  }

  async fails(...request: Parameters<Folder["fetch"]>): Promise<Failure & { text: string }> {
    const failure = await this.fetch(...request).then(
      () => assert.fail("it was downloaded"),
      (error) => error,
    );
    assert.equal(failure.name, "Failure", failure.stack);
    assert.ok(!await exists(this.target), "nothing is at the target");
    const problems = (failure.details.problems ?? []).map(({ message }: { message: string }) => message);
    return Object.assign(failure, { text: [failure.message, ...problems].join("\n") });
  }

  async hasWhole(what = "file.bin") {
    assert.equal(sha256(await Deno.readFile(this.target)), HASH);
    assert.deepEqual(await this.names(), [what]);
  }

  async names(): Promise<string[]> {
    return (await Array.fromAsync(Deno.readDir(this.path))).map(({ name }) => name).sort();
  }

  async leavePart(data: Uint8Array, origin: unknown) {
    await Deno.writeFile(`${this.target}.part`, data);
    await Deno.writeTextFile(`${this.target}.part.json`, JSON.stringify(origin));
  }

  async [Symbol.asyncDispose]() {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Sends the whole file whatever is asked, as a server without Range does; the first time, not all of it. */
function withoutRange(data: Uint8Array, { cutAfter = Infinity } = {}): Answer {
  let count = 0;
  return async (_, response) => {
    response.writeHead(200, { "content-length": data.length });
    if (count++ > 0 || cutAfter > data.length) response.end(data);
    else await cutOff(response, data.subarray(0, cutAfter));
  };
}

function md5(data: Uint8Array): string {
  return createHash("md5").update(data).digest("hex");
}

Deno.test("a server that closes at every tenth of the file is asked for the rest each time", async () => {
  await using folder = await Folder.make();
  await using server = await serve(fileAnswer(DATA, { cutAfter: DATA.length / 10 }));
  const done = await folder.fetch([server]);
  assert.deepEqual(done, { sha256: HASH, bytes: DATA.length, url: `${server.url}file.bin` });
  await folder.hasWhole();
  const rest = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((tenth) => `GET /file.bin bytes=${tenth}00000-`);
  assert.deepEqual(server.asked, ["GET /file.bin", ...rest]);
  assert.match(folder.lines[0]!, /broke off; trying again in 0.0 s, from 100 kB on/);
});

Deno.test("a server without Range is asked for the whole file again", async () => {
  await using folder = await Folder.make();
  await using server = await serve(withoutRange(DATA, { cutAfter: 600_000 }));
  await folder.fetch([server]);
  await folder.hasWhole();
  assert.equal(server.asked.length, 2);
});

Deno.test("without a hash, what a server can't vouch for is fetched anew", https, async () => {
  await using folder = await Folder.make();
  await folder.leavePart(OTHER.subarray(0, 500_000), { url: "https://elsewhere/file.bin" });
  const { tls, env } = await selfSigned(folder.path);
  await using server = await serve(fileAnswer(DATA), tls);
  const { code, stderr } = await child(folder.target, { urls: [`${server.url}file.bin`] }, env);
  assert.equal(code, 0, stderr);
  assert.deepEqual(server.asked, ["GET /file.bin"]);
  assert.equal(sha256(await Deno.readFile(folder.target)), HASH);
});

Deno.test("a file that changed on the server is never put together from two", async (t) => {
  const changes: Record<string, (now: Uint8Array) => Answer> = {
    "a server that knows If-Range": (now) => fileAnswer(now),
    "a server that overlooks If-Range": (now) => (request, response) => {
      delete request.headers["if-range"];
      return fileAnswer(now)(request, response);
    },
    "a server that begins at another place": (now) => (request, response) => {
      if (request.headers.range === undefined) return fileAnswer(now)(request, response);
      response.writeHead(206, { "content-range": `bytes 0-999999/1000000`, "content-length": now.length });
      response.end(now);
    },
    "a server that says 206 without saying what it sends": (now) => (request, response) => {
      response.writeHead(request.headers.range === undefined ? 200 : 206, { "content-length": now.length });
      response.end(now);
    },
    "a server that has less than is there already": (now) => (request, response) => {
      if (request.headers.range === undefined) return fileAnswer(now)(request, response);
      response.writeHead(416, { "content-range": "bytes */10" });
      response.end();
    },
  };
  for (const [name, answer] of Object.entries(changes)) {
    await t.step(name, async () => {
      await using folder = await Folder.make();
      let count = 0;
      const [before, now] = [fileAnswer(OTHER, { cutAfter: 300_000 }), answer(DATA)];
      await using server = await serve((...both) => count++ === 0 ? before(...both) : now(...both));
      await folder.fetch([server]);
      await folder.hasWhole();
      assert.ok(!folder.lines.some((line) => line.includes("does not go with it")), folder.lines.join("\n"));
    });
  }
});

Deno.test("other bytes: the error names both hashes and the address, and the next mirror is asked", async (t) => {
  await using wrong = await serve(fileAnswer(OTHER));
  await using right = await serve(fileAnswer(DATA));
  const expectations: [string, Partial<DownloadRequest>, RegExp][] = [
    ["SHA-256", { sha256: HASH }, new RegExp(`SHA-256 is ${sha256(OTHER)}, expected is ${HASH}`)],
    [
      "its first digits",
      { sha256: HASH.slice(0, 8) },
      new RegExp(`expected is one that begins with ${HASH.slice(0, 8)}$`),
    ],
    [
      "MD5",
      { sha256: undefined, md5: md5(DATA) },
      new RegExp(`MD5 is [0-9a-f]{32}, expected is ${md5(DATA)}`),
    ],
  ];
  for (const [name, wanted, said] of expectations) {
    await t.step(name, async () => {
      await using folder = await Folder.make();
      const failure = await folder.fails([wrong], wanted);
      assert.equal(failure.exitCode, 2);
      assert.match(failure.message, said);
      assert.ok(failure.message.includes(`Cannot download EuroSAT: ${wrong.url}file.bin: sent other bytes`));
      assert.deepEqual(await folder.names(), []);
      const done = await folder.fetch([wrong, right], wanted);
      assert.deepEqual([done.url, done.sha256], [`${right.url}file.bin`, HASH]);
      await folder.hasWhole();
    });
  }
});

Deno.test("a file of another size is told by its length, or where it ends", async (t) => {
  const open = (data: Uint8Array): Answer => async (request, response) => {
    await new Promise((resolve) => response.write(data, resolve));
    response.end();
    request.resume();
  };
  const cases: [string, Answer, RegExp, number][] = [
    [
      "shorter",
      fileAnswer(DATA.subarray(0, 900_000)),
      /has a file of 900 kB \(900000 bytes\), expected are 1000000/,
      2,
    ],
    ["longer", fileAnswer(someBytes(1_000_001)), /\(1000001 bytes\), expected are 1000000 bytes/, 2],
    [
      "shorter, no length",
      open(DATA.subarray(0, 900_000)),
      /ended at 900 kB of 1\.0 MB, after \d tries/,
      3,
    ],
    ["longer, no length", open(someBytes(1_200_000)), /sends more than the 1000000 bytes/, 2],
  ];
  for (const [name, answer, said, exitCode] of cases) {
    await t.step(name, async () => {
      await using folder = await Folder.make();
      await using server = await serve(answer);
      const failure = await folder.fails([server]);
      assert.match(failure.message, said);
      assert.equal(failure.exitCode, exitCode);
    });
  }
});

Deno.test("no Content-Length is no fault", async () => {
  await using folder = await Folder.make();
  await using server = await serve((_, response) => {
    response.write(DATA.subarray(0, 10));
    response.end(DATA.subarray(10));
  });
  await folder.fetch([server], { size: undefined });
  await folder.hasWhole();
});

Deno.test("a web page with status 200 is shown by its title, and costs nothing that is there", async () => {
  await using folder = await Folder.make();
  await using page = await serve((_, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(
      "<!DOCTYPE html>\n<html><head><title>Sign in to\n the campus</title></head><body>…</body></html>",
    );
  });
  const there = DATA.subarray(0, 500_000);
  await folder.leavePart(there, { url: `${page.url}file.bin`, etag: `"1"`, total: DATA.length });
  const failure = await folder.fails([page], { size: undefined });
  assert.match(failure.message, /sent a web page in place of the file: "Sign in to the campus"/);
  assert.equal(failure.exitCode, 2);
  assert.deepEqual(await Deno.readFile(`${folder.target}.part`), there);
});

Deno.test("redirects are followed, but not for ever, and not to what is not encrypted", async (t) => {
  await using server = await serve((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, "http://x");
    if (pathname === "/file.bin") return fileAnswer(DATA)(request, response);
    const count = Number(searchParams.get("count"));
    const moved: Record<string, string> = {
      "/far": `/far?count=${count + 1}`,
      "/near": count < 9 ? `/near?count=${count + 1}` : "file.bin",
      "/file": "file:///etc/passwd",
      "/nowhere": "http://[",
    };
    response.writeHead(302, { location: moved[pathname] });
    response.end();
  });
  const cases: [string, RegExp][] = [
    ["far", /redirects more than 10 times/],
    ["file", /redirects to file:, which is neither https nor http/],
    ["nowhere", /redirects to no address/],
  ];
  for (const [path, said] of cases) {
    await t.step(path, async () => {
      await using folder = await Folder.make();
      assert.match((await folder.fails([server.url + path])).message, said);
    });
  }
  await t.step("ten are followed, and the address that was asked is recorded", async () => {
    await using folder = await Folder.make();
    assert.equal((await folder.fetch([`${server.url}near`])).url, `${server.url}near`);
    await folder.hasWhole();
  });
});

Deno.test("a redirect from https to http is not followed", https, async () => {
  await using folder = await Folder.make();
  const { tls, env } = await selfSigned(folder.path);
  await using secure = await serve((_, response) => {
    response.writeHead(302, { location: "http://127.0.0.1/file.bin?signature=secret" });
    response.end();
  }, tls);
  const { code, stderr } = await child(folder.target, { urls: [secure.url], sha256: HASH }, env);
  assert.equal(code, 3);
  assert.match(stderr, /redirects from https to http:\/\/127\.0\.0\.1\/file\.bin, which is not encrypted/);
  assert.ok(!stderr.includes("secret"));
});

Deno.test("a certificate is trusted only if the environment vouches for it", https, async (t) => {
  await using folder = await Folder.make();
  const { tls, env } = await selfSigned(folder.path);
  await using server = await serve(fileAnswer(DATA), tls);
  const wanted = { urls: [`${server.url}file.bin`], sha256: HASH };
  await t.step("not trusted", async () => {
    const { code, stderr } = await child(folder.target, wanted);
    assert.equal(code, 3);
    assert.match(stderr, /its certificate is not trusted: nobody known has signed it/);
    assert.match(stderr, /SSL_CERT_FILE=\/path\/to\/ca\.pem/);
    assert.deepEqual(server.asked, [], "it is not asked again in another way");
  });
  const certificates = join(folder.path, "certificates");
  await Deno.mkdir(certificates);
  await Deno.copyFile(env.SSL_CERT_FILE!, join(certificates, "0a1b2c3d.0"));
  const trusting = [
    ...["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "DENO_CERT"].map((
      name,
    ) => [name, env.SSL_CERT_FILE!]),
    ...["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"].map((name) => [name, certificates]),
  ];
  for (const [variable, path] of trusting) {
    await t.step(`${variable} names a ${path === certificates ? "folder" : "file"}`, async () => {
      const { code, stderr } = await child(folder.target, wanted, { [variable!]: path! });
      assert.equal(code, 0, stderr);
      await Deno.remove(folder.target);
    });
  }
  await t.step("a variable that names nothing of use", async () => {
    for (const path of [join(folder.path, "none.pem"), import.meta.filename!]) {
      const { code, stderr } = await child(folder.target, wanted, { CURL_CA_BUNDLE: path });
      assert.equal(code, 2);
      assert.match(stderr, /Cannot read the certificates that CURL_CA_BUNDLE names: .+, current value is "/);
    }
  });
});

Deno.test("a server that falls silent is left, and asked for the rest", async () => {
  await using folder = await Folder.make();
  let count = 0;
  await using server = await serve((request, response) => {
    if (count++ > 0) return fileAnswer(DATA)(request, response);
    response.writeHead(200, { "content-length": DATA.length, etag: `"${HASH.slice(0, 8)}"` });
    response.write(DATA.subarray(0, 400_000));
  });
  await folder.fetch([server]);
  assert.match(folder.lines[0]!, /sent nothing for 0\.4 s; trying again/);
  assert.deepEqual(server.asked, ["GET /file.bin", "GET /file.bin bytes=400000-"]);
  await folder.hasWhole();
});

Deno.test("a server that can't now is asked again when it says, and left if that is too long", async () => {
  await using folder = await Folder.make();
  let count = 0;
  await using server = await serve((request, response) => {
    if (count++ > 0) return fileAnswer(DATA)(request, response);
    response.writeHead(503, { "retry-after": "1" });
    response.end("<html>busy</html>");
  });
  await using missing = await serve((_, response) => {
    response.writeHead(404);
    response.end();
  });
  await using closed = await serve((_, response) => {
    response.writeHead(503, { "retry-after": "7200" });
    response.end();
  });
  const began = performance.now();
  await folder.fetch([missing, closed, server]);
  assert.ok(performance.now() - began > 900);
  await folder.hasWhole();
  assert.deepEqual([missing.asked.length, closed.asked.length, server.asked.length], [1, 1, 2]);
  assert.deepEqual(folder.lines, [
    `EuroSAT: ${missing.url}file.bin: answers 404 Not Found; trying the next mirror`,
    `EuroSAT: ${closed.url}file.bin: answers 503 Service Unavailable, asks to be left alone for 2 h 00 min; trying the next mirror`,
    `EuroSAT: ${server.url}file.bin: answers 503 Service Unavailable; trying again in 1.0 s`,
  ]);
});

Deno.test("when every mirror fails, the error lists what each said", async () => {
  await using folder = await Folder.make();
  await using missing = await serve((_, response) => {
    response.writeHead(403);
    response.end();
  });
  const gone = await serve(withoutRange(DATA));
  await gone[Symbol.asyncDispose]();
  await using wrong = await serve(fileAnswer(OTHER));
  const failure = await folder.fails([missing, gone, wrong]);
  assert.equal(failure.message, "Cannot download EuroSAT: none of 3 mirrors gave it");
  assert.deepEqual(failure.details.problems?.map(({ message }) => message.slice(0, 80)), [
    `${missing.url}file.bin: answers 403 Forbidden`,
    `${gone.url}file.bin: refuses the connection, after 4 tries`,
    `${wrong.url}file.bin: sent other bytes: their SHA-256 is ${sha256(OTHER)}`.slice(0, 80),
  ]);
  assert.equal(failure.exitCode, 3, "one of them may have it another time");
  assert.deepEqual(await folder.names(), []);
});

Deno.test("the next mirror goes on where the one before broke off, and a hash tells whether it fits", async () => {
  await using folder = await Folder.make();
  const broken: Answer = async (request, response) => {
    if (request.headers.range !== undefined) return void response.socket?.destroy();
    response.writeHead(200, { "content-length": DATA.length, etag: '"a"' });
    await cutOff(response, DATA.subarray(0, 700_000));
  };
  await using first = await serve(broken);
  await using second = await serve(fileAnswer(DATA, { etag: '"b"' }));
  await folder.fetch([first, second]);
  await folder.hasWhole();
  assert.deepEqual(second.asked, ["GET /file.bin bytes=700000-"]);
});

Deno.test("what an earlier process left and what follows are fetched anew if they don't fit together", async () => {
  await using folder = await Folder.make();
  await using server = await serve(fileAnswer(DATA));
  const origin = { url: `${server.url}file.bin`, etag: `"${HASH.slice(0, 8)}"`, total: DATA.length };
  await folder.leavePart(new Uint8Array(400_000), origin); // as after a power cut
  await folder.fetch([server]);
  await folder.hasWhole();
  assert.deepEqual(server.asked, ["GET /file.bin bytes=400000-", "GET /file.bin"]);
  await Deno.remove(folder.target);
  await folder.leavePart(DATA, origin); // killed between the last byte and its place
  await folder.fetch([server]);
  await folder.hasWhole();
  assert.equal(server.asked.length, 2, "nothing is asked for");
});

Deno.test("a large file, which is hashed while it comes, is resumed and begun anew as a small one is", async (t) => {
  const large = someBytes(12_000_000, 3);
  const wanted = { size: undefined, sha256: sha256(large).slice(0, 8), md5: md5(large) };
  const answers: [string, Answer, string[]][] = [
    ["resumed", fileAnswer(large, { cutAfter: 5_000_000 }), ["", " bytes=5000000-", " bytes=10000000-"]],
    ["begun anew", withoutRange(large, { cutAfter: 7_000_000 }), ["", " bytes=7000000-"]],
  ];
  for (const [name, answer, asked] of answers) {
    await t.step(name, async () => {
      await using folder = await Folder.make();
      await using server = await serve(answer);
      // Who hashes and serves it is this process, too, and may be busy for a while.
      const patience = { ...QUICK, idleMs: 30_000 };
      assert.equal((await folder.fetch([server], wanted, { patience })).sha256, sha256(large));
      assert.equal(sha256(await Deno.readFile(folder.target)), sha256(large));
      assert.deepEqual(server.asked, asked.map((range) => `GET /file.bin${range}`));
    });
  }
  await t.step("other bytes", async () => {
    await using folder = await Folder.make();
    await using server = await serve(fileAnswer(large));
    const failure = await folder.fails([server], { ...wanted, sha256: undefined, md5: md5(DATA) });
    assert.match(failure.message, new RegExp(`MD5 is ${md5(large)}, expected is ${md5(DATA)}`));
    assert.deepEqual(await folder.names(), []);
  });
});

Deno.test("a full disk: what it takes is said, and it is not left full", async (t) => {
  const path = await Deno.makeTempDir();
  const args = ["-t", "tmpfs", "-o", "size=600k", "tmpfs", path];
  const mounted = (await new Deno.Command("mount", { args, stderr: "null" }).output().catch(() => undefined))
    ?.success;
  if (!mounted) return console.log("ignored: a full disk, since the right to mount a tmpfs is missing");
  const folder = new Folder(path);
  try {
    await using known = await serve(fileAnswer(DATA));
    await using unknown = await serve((_, response) => {
      response.write(DATA.subarray(0, 10));
      response.end(DATA.subarray(10));
    });
    await t.step("told before it begins", async () => {
      const failure = await folder.fails([known]);
      assert.match(
        failure.message,
        /Cannot download EuroSAT to .+: 1\.0 MB more are needed and 61\d kB are free/,
      );
      assert.match(failure.details.remedy!, /XDG_CACHE_HOME=/);
      assert.equal(failure.exitCode, 3);
    });
    await t.step("in the middle, where no size is known", async () => {
      const failure = await folder.fails([unknown, known], { size: undefined });
      assert.match(failure.message, /it ran full, more than .+ are needed and 61\d kB are free now/);
      assert.equal(failure.exitCode, 3);
      assert.deepEqual(await folder.names(), []);
      assert.deepEqual(known.asked.length, 1, "another mirror would not help");
    });
  } finally {
    await new Deno.Command("umount", { args: [path] }).output();
    await Deno.remove(path);
  }
});

Deno.test("what a process got that was killed is gone on with", async () => {
  await using folder = await Folder.make();
  let count = 0;
  await using server = await serve((request, response) => {
    if (count++ > 0) return fileAnswer(DATA)(request, response);
    response.writeHead(200, { "content-length": DATA.length, etag: `"${HASH.slice(0, 8)}"` });
    response.write(DATA.subarray(0, 300_000)); // and no more
  });
  const wanted = { urls: [`${server.url}file.bin`], sha256: HASH };
  const first = start(folder.target, wanted);
  for (let waited = 0; await sizeOf(`${folder.target}.part`) < 300_000; waited += 20) {
    assert.ok(waited < 20_000);
    await delay(20);
  }
  first.kill("SIGKILL");
  await first.output();
  const { code, stderr } = await child(folder.target, wanted);
  assert.equal(code, 0, stderr);
  assert.deepEqual(server.asked, ["GET /file.bin", "GET /file.bin bytes=300000-"]);
  assert.match(stderr, /300 kB are there from an earlier try/);
  await folder.hasWhole();
});

Deno.test("stopped in the middle, with what is there kept", async () => {
  await using folder = await Folder.make();
  await using server = await serve((_, response) => {
    response.writeHead(200, { "content-length": DATA.length, etag: '"1"' });
    response.write(DATA.subarray(0, 200_000));
  });
  const stop = new AbortController();
  const reading = folder.fails([server], {}, { signal: stop.signal, patience: {} });
  for (let waited = 0; await sizeOf(`${folder.target}.part`) < 200_000; waited += 20) {
    assert.ok(waited < 5000);
    await delay(20);
  }
  stop.abort();
  assert.equal((await reading).exitCode, 130);
  assert.deepEqual(await folder.names(), ["file.bin.part", "file.bin.part.json"]);
});

Deno.test("a user and a password of an address are sent, to that server only, and never shown", async () => {
  await using folder = await Folder.make();
  const sent: (string | undefined)[] = [];
  await using other = await serve((request, response) => {
    sent.push(request.headers.authorization);
    response.writeHead(404);
    response.end();
  });
  await using server = await serve((request, response) => {
    sent.push(request.headers.authorization);
    response.writeHead(302, { location: request.url === "/file.bin" ? "/moved" : `${other.url}x` });
    response.end();
  });
  const url = `${server.url.replace("://", "://reader:p%40ss@")}file.bin`;
  const failure = await folder.fails([url]);
  const basic = `Basic ${btoa("reader:p@ss")}`;
  assert.deepEqual(sent, [basic, basic, undefined]);
  const all = [failure.text, JSON.stringify(failure.details), ...folder.lines].join("\n");
  assert.ok(!/reader|p%40ss|p@ss/.test(all), all);
});

Deno.test("a proxy that the environment names is used, and NO_PROXY heeded", async (t) => {
  await using folder = await Folder.make();
  await using proxy = await serve(fileAnswer(DATA));
  const wanted = { urls: ["http://data.invalid/file.bin"], sha256: HASH };
  await t.step("HTTP_PROXY", async () => {
    const { code, stderr, stdout } = await child(folder.target, wanted, { HTTP_PROXY: proxy.url });
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).url, "http://data.invalid/file.bin");
    assert.deepEqual(proxy.asked, ["GET http://data.invalid/file.bin"]);
    await Deno.remove(folder.target);
  });
  await t.step("NO_PROXY", async () => {
    await using server = await serve(fileAnswer(DATA));
    const near = { urls: [`${server.url}file.bin`], sha256: HASH };
    const { code, stderr } = await child(folder.target, near, {
      HTTP_PROXY: "http://127.0.0.1:9",
      NO_PROXY: "127.0.0.1",
    });
    assert.equal(code, 0, stderr);
    await Deno.remove(folder.target);
  });
  await t.step("one that can't be reached is named, without its password", async () => {
    const { code, stderr } = await child(folder.target, wanted, {
      HTTP_PROXY: "http://me:secret@127.0.0.1:9",
    });
    assert.equal(code, 3);
    assert.match(stderr, /Check the network and the proxy that HTTP_PROXY names/);
    assert.ok(!stderr.includes("secret"), stderr);
  });
});

Deno.test("through HTTPS_PROXY, TLS goes from end to end", https, async () => {
  await using folder = await Folder.make();
  const { tls, env } = await selfSigned(folder.path);
  await using server = await serve(fileAnswer(DATA), tls);
  await using tunnel = await serveTunnel();
  const secure = { urls: [`${server.url}file.bin`], sha256: HASH };
  const { code, stderr } = await child(folder.target, secure, { ...env, HTTPS_PROXY: tunnel.url });
  assert.equal(code, 0, stderr);
  assert.deepEqual(tunnel.asked, [`CONNECT ${new URL(server.url).host}`]);
});

async function sizeOf(path: string): Promise<number> {
  return await Deno.stat(path).then(({ size }) => size, () => 0);
}

/** `download_child.ts`, with the permissions of a task and nothing of the environment but what is given. */
function start(
  target: string,
  wanted: Partial<DownloadRequest>,
  env: Record<string, string> = {},
): Deno.ChildProcess {
  const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-run", "--allow-net"];
  const program = join(import.meta.dirname!, "..", "support", "download_child.ts");
  const basic = Object.entries(Deno.env.toObject()).filter(([name]) => /^(?:PATH|HOME|DENO_DIR)$/.test(name));
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--quiet",
      ...permissions,
      program,
      target,
      JSON.stringify({ name: "EuroSAT", ...wanted }),
    ],
    clearEnv: true,
    // Deno looks for a newer version of itself once a day.
    env: { ...Object.fromEntries(basic), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function ended(process: Deno.ChildProcess) {
  const { code, stdout, stderr } = await process.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

async function child(...request: Parameters<typeof start>) {
  return await ended(start(...request));
}
