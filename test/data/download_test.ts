/** How a download judges what it is asked for and what it hears, without a network. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { download } from "../../tasks/lib/data/download/download.ts";
import { networkError, statusError } from "../../tasks/lib/data/download/mirror_error.ts";
import { PATIENCE, pauseAfter } from "../../tasks/lib/data/download/mirror.ts";
import { describeProgress, type Progress, ProgressMeter } from "../../tasks/lib/data/download/progress.ts";
import { askForRest, judgeAnswer, type Origin } from "../../tasks/lib/data/download/range.ts";
import { Checksums, findMismatch } from "../../tasks/lib/data/download/checksums.ts";
import { redirectProblem } from "../../tasks/lib/data/download/web_address.ts";
import { maySendPage, pageTitle } from "../../tasks/lib/data/download/web_page.ts";
import { acquire } from "../../tasks/lib/system/file_lock.ts";
import { exists, sha256 } from "../../tasks/lib/system/files.ts";

const URL_HERE = "https://data.example/a.zip";

const HASH = sha256("a");

Deno.test("download() refuses addresses that it does not fetch, before it asks anybody", async (t) => {
  const scheme = "an address must begin with https:// or http://, current value is";
  const cases: [string, string | undefined, string][] = [
    ["file:///etc/passwd", HASH, `${scheme} "file:///etc/passwd"`],
    ["ftp://me:secret@host/a.zip", HASH, `${scheme} "ftp://host/a.zip"`],
    ["http://me:secret@host:port/a.zip", HASH, `${scheme} "http://host:port/a.zip"`],
    ["data/a.zip", HASH, `${scheme} "data/a.zip"`],
    [
      "http://me:secret@host/a.zip",
      undefined,
      'http:// is only for a file whose sha256 or md5 is given, current value is "http://host/a.zip"',
    ],
  ];
  for (const [url, sha256, said] of cases) {
    await t.step(url, async () => {
      await assert.rejects(download({ name: "EuroSAT", urls: [url], sha256 }, "/nowhere/a.zip"), {
        message: `Cannot download EuroSAT: ${said}`,
        exitCode: 2,
      });
    });
  }
});

Deno.test("askForRest() asks for what comes after the bytes that are there", async (t) => {
  const range = { range: "bytes=10-" };
  const cases: [string, number, Origin | undefined, boolean, Record<string, string>][] = [
    ["nothing is there", 0, undefined, true, {}],
    ["an ETag", 10, { url: URL_HERE, etag: '"a"' }, false, { ...range, "if-range": '"a"' }],
    ["a weak ETag and a date", 10, { url: URL_HERE, etag: 'W/"a"', lastModified: "Mon" }, false, {
      ...range,
      "if-range": "Mon",
    }],
    ["neither, and a hash", 10, { url: URL_HERE, etag: 'W/"a"' }, true, range],
    ["neither, and no hash", 10, { url: URL_HERE }, false, {}],
    ["another mirror's, and a hash", 10, { url: "https://b", etag: '"a"' }, true, range],
    ["another mirror's, and no hash", 10, { url: "https://b", etag: '"a"' }, false, {}],
  ];
  for (const [name, from, origin, hashed, headers] of cases) {
    await t.step(name, () => {
      const asked = askForRest(URL_HERE, from, origin, hashed);
      assert.deepEqual(asked, { from: "range" in headers ? from : 0, headers });
    });
  }
});

Deno.test("judgeAnswer() tells what an answer's bytes are", async (t) => {
  const before: Origin = { url: URL_HERE, etag: '"a"', total: 100 };
  const rest = { "content-range": "bytes 10-99/100", etag: '"a"' };
  const cases: [string, number, Record<string, string>, Origin | undefined, string][] = [
    ["the rest", 206, rest, before, "append"],
    ["the rest, of a size not told", 206, { "content-range": "bytes 10-99/*" }, before, "append"],
    ["the whole", 200, { etag: '"a"' }, before, "begin anew"],
    ["the rest of a changed file", 206, { ...rest, etag: '"b"' }, before, "ask for all"],
    ["the rest of a larger file", 206, { "content-range": "bytes 10-199/200" }, before, "ask for all"],
    ["the rest at another place", 206, { ...rest, "content-range": "bytes 9-99/100" }, before, "ask for all"],
    ["several parts", 206, { "content-type": "multipart/byteranges" }, before, "ask for all"],
    ["nothing after so many bytes", 416, {}, before, "ask for all"],
    ["another mirror's rest", 206, { ...rest, etag: '"b"' }, { ...before, url: "https://b" }, "append"],
  ];
  for (const [name, status, headers, origin, use] of cases) {
    await t.step(name, () => {
      assert.equal(judgeAnswer(URL_HERE, new Response(null, { status, headers }), 10, origin).use, use);
    });
  }
  await t.step("a part that nobody asked for", () => {
    const answer = new Response(null, { status: 206, headers: rest });
    assert.throws(() => judgeAnswer(URL_HERE, answer, 0, undefined), {
      message: "answers 206 Partial Content",
    });
  });
});

Deno.test("statusError() tells what a status says, and how long to wait", () => {
  const now = Date.UTC(2025, 0, 1, 12, 0, 0);
  const of = (status: number, after = "") => {
    const { problem, message, retryAfterMs } = statusError(
      status,
      new Headers({ "retry-after": after }),
      now,
    );
    return [problem, message, retryAfterMs];
  };
  assert.deepEqual(of(404, "5"), ["refused", "answers 404 Not Found", undefined]);
  assert.deepEqual(of(503, "5"), ["passing", "answers 503 Service Unavailable", 5000]);
  assert.deepEqual(of(429, "Wed, 01 Jan 2025 12:01:00 GMT"), [
    "passing",
    "answers 429 Too Many Requests",
    60_000,
  ]);
  assert.deepEqual(of(502, "soon"), ["passing", "answers 502 Bad Gateway", undefined]);
  assert.deepEqual(of(599), ["refused", "answers 599", undefined]);
});

/** What Deno 2.9 says; those that a test can bring about on this machine are in download_faults_test.ts. */
Deno.test("networkError() says what is wrong without the address, which may hold a signature", async (t) => {
  const cases: [string, string][] = [
    [
      "client error (Connect): dns error: failed to lookup address information: Name or service not known",
      "its name can't be resolved",
    ],
    [
      "client error (Connect): tcp connect error: Connection refused (os error 111)",
      "refuses the connection",
    ],
    [
      "client error (Connect): invalid peer certificate: Expired",
      "its certificate is not trusted: it has expired",
    ],
    [
      'client error (Connect): invalid peer certificate: certificate not valid for name "a.org"; certificate is only valid for DnsName("b.org")',
      "its certificate is not trusted: it is for another name",
    ],
    [
      "client error (Connect): invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
      "its certificate is not trusted: it is one of a certificate authority, which a server must not use",
    ],
    ["client error (Connect): received corrupt message of type InvalidContentType", "does not speak TLS"],
    ["client error (Connect): proxy authentication required", "the proxy wants a user and a password"],
    ["client error (SendRequest): connection closed before message completed", "the connection broke off"],
    ["client error (Connect): something new", "can't be asked: client error (Connect): something new"],
  ];
  for (const [said, message] of cases) {
    await t.step(said, () => {
      const cause = new Error(`error sending request for url (https://a.org/x?signature=secret): ${said}`);
      assert.equal(networkError(new TypeError("fetch failed", { cause })).message, message);
    });
  }
});

Deno.test("redirectProblem() names the scheme that is not followed, without the query", () => {
  const problem = (from: string, to: string) => redirectProblem(new URL(from), new URL(to), 1);
  assert.equal(problem("http://a/x", "https://b/y"), undefined);
  assert.equal(problem("http://a/x", "http://b/y"), undefined);
  assert.equal(
    problem("https://a/x", "http://me:secret@b/y?signature=1"),
    "redirects from https to http://b/y, which is not encrypted",
  );
  assert.equal(
    problem("https://a", "data:text/plain,x"),
    "redirects to data:, which is neither https nor http",
  );
});

Deno.test("pageTitle() knows a web page by its beginning", async (t) => {
  const cases: [string, string | undefined][] = [
    ["<!DOCTYPE html><html><head><title lang=en>Sign\n in</title>", "Sign in"],
    ["  <!-- old --><HTML><body><h1>404</h1><p>Not here</p>", "404 Not here"],
    ["<html><script>var x = 1;</script>Moved", "Moved"],
    ["PK\x03\x04<html>", undefined],
    ["<svg xmlns='http://www.w3.org/2000/svg'/>", undefined],
    ["", undefined],
  ];
  for (const [text, title] of cases) {
    await t.step(text, () => assert.equal(pageTitle(new TextEncoder().encode(text)), title));
  }
  const html = new Headers({ "content-type": "text/html" });
  assert.ok(maySendPage(new URL("https://a/x.zip"), html));
  assert.ok(!maySendPage(new URL("https://a/x.html"), html), "a page may be what is wanted");
  assert.ok(!maySendPage(new URL("https://a/x.zip"), new Headers({ "content-type": "application/zip" })));
});

Deno.test("findMismatch() checks every hash that is known", () => {
  const md5 = createHash("md5").update("a").digest("hex");
  const found = (expected: Parameters<typeof findMismatch>[0], data = "a") => {
    const sums = new Checksums(expected);
    sums.update(new TextEncoder().encode(data));
    return findMismatch(expected, sums.digest());
  };
  for (
    const right of [{ sha256: HASH.toUpperCase() }, { sha256: HASH.slice(0, 8), md5 }, { md5, size: 1 }, {}]
  ) {
    assert.equal(found(right), undefined);
    if ("sha256" in right || "md5" in right) {
      assert.match(found(right, "b")!, /other bytes: their (SHA-256|MD5) is/);
    }
  }
  assert.match(
    found({ sha256: HASH.slice(0, 8), md5: `f${md5.slice(1)}` })!,
    /MD5/,
    "a short hash is not enough",
  );
  assert.equal(found({ size: 2 }), "1 bytes, expected are 2");
});

Deno.test("pauseAfter() waits longer the less comes, as long as the server asks, and not for ever", () => {
  const pauses = [0, 1, 2, 3, 4].map((futile) => pauseAfter(futile, futile + 1, undefined, PATIENCE));
  assert.deepEqual(pauses, [500, 500, 1000, 2000, undefined]);
  assert.equal(pauseAfter(1, 1, 30_000, PATIENCE), 30_000);
  assert.equal(pauseAfter(1, 1, 61_000, PATIENCE), undefined);
  assert.equal(pauseAfter(0, 200, undefined, PATIENCE), undefined);
});

Deno.test("describeProgress() tells rate and time left where they are known", () => {
  const of = (progress: Partial<Progress>) =>
    describeProgress({ name: "EuroSAT", bytes: 45_300_000, bytesPerSecond: 0, ...progress });
  assert.equal(of({}), "EuroSAT: 45.3 MB");
  assert.equal(of({ bytesPerSecond: 1e6 }), "EuroSAT: 45.3 MB, 1.0 MB/s");
  assert.equal(
    of({ bytesPerSecond: 1e6, total: 105_300_000 }),
    "EuroSAT: 45.3 MB of 105 MB, 1.0 MB/s, 1 min 00 s left",
  );
});

Deno.test("ProgressMeter takes the rate over the last seconds, and anew when the download begins anew", () => {
  const told: Progress[] = [];
  const meter = new ProgressMeter("EuroSAT", (progress) => told.push(progress));
  for (let second = 0; second <= 20; second++) {
    meter.show(second < 10 ? second * 1e6 : 10e6 + second * 2e6, 1e9, second * 1000);
  }
  meter.show(0, 1e9, 20_001);
  assert.equal(told.length, 21, "not more often than five times in a second");
  assert.deepEqual([told[5]!.bytesPerSecond, told[20]!.bytesPerSecond], [1e6, 2e6]);
  meter.show(100, 1e9, 21_000);
  assert.equal(told.at(-1)!.bytesPerSecond, 0);
});

Deno.test("acquire() lets one in at a time, in this process too, and leaves no file", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/a.lock`;
  let [inside, most, waited] = [0, 0, 0];
  const work = async () => {
    using _lock = await acquire(path, { doing: "this", onWait: () => waited++ });
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 50));
    inside--;
  };
  await Promise.all([work(), work(), work()]);
  assert.deepEqual([most, waited], [1, 2]);
  assert.ok(!await exists(path));
  {
    using _lock = await acquire(path, { doing: "this" });
    const signal = AbortSignal.timeout(100);
    await assert.rejects(acquire(path, { doing: "that", signal }), { name: "AbortError" });
  }
  await Deno.remove(folder);
});
