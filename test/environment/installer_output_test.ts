import assert from "node:assert/strict";
import { explainInstall, InstallProgress } from "../../tasks/lib/environment/installer_output.ts";
import { parsePipSettings } from "../../tasks/lib/environment/tool.ts";

const CONTEXT = { installer: "pip 24.2", machine: "Python 3.11.7 on linux x86_64", wanted: "71 packages" };

/** What the tools really print, cut to the lines that matter; hosts replaced. */
const OUTPUTS: [name: string, output: string, kind: string, message: RegExp][] = [
  [
    "pip, connection refused",
    `Looking in indexes: https://wheels.example/simple
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/alpha/
ERROR: Could not find a version that satisfies the requirement alpha==1.0 (from versions: none)
ERROR: No matching distribution found for alpha==1.0`,
    "unreachable",
    /^pip 24\.2 wanted alpha==1\.0 from https:\/\/wheels\.example and cannot reach it \(connection refused\)$/,
  ],
  [
    "pip, connection refused, and a folder has another version",
    `Looking in indexes: http://127.0.0.1:9/simple
Looking in links: /wheels
WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/scikit-learn/
ERROR: Could not find a version that satisfies the requirement scikit_learn==9.9 (from versions: 2.2.1)
ERROR: No matching distribution found for scikit_learn==9.9`,
    "unreachable",
    /^pip 24\.2 wanted scikit_learn==9\.9 from http:\/\/127\.0\.0\.1:9 and cannot reach it \(connection refused\)$/,
  ],
  [
    "pip, no proxy, and a folder has another version",
    `WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 403 Forbidden'))': /simple/numpy/
ERROR: Could not find a version that satisfies the requirement numpy==9.9 (from versions: 2.2.1)
Could not fetch URL https://wheels.example/simple/numpy/: connection error: Max retries exceeded`,
    "unreachable",
    /wanted 71 packages from https:\/\/wheels\.example and cannot reach it \(the proxy refused\)/,
  ],
  [
    "pip without retries, and a folder has another version",
    `ERROR: Could not find a version that satisfies the requirement numpy==9.9 (from versions: 2.2.1)
ERROR: No matching distribution found for numpy==9.9
Could not fetch URL https://wheels.example/simple/numpy/: connection error: Max retries exceeded`,
    "unreachable",
    /wanted numpy==9\.9 from https:\/\/wheels\.example/,
  ],
  [
    "pip, no file, after another package's retries ran out",
    `WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError('Connection refused')': /simple/six/
ERROR: Could not find a version that satisfies the requirement numpy==9.9 (from versions: 1.23.2, 2.4.6)`,
    "no file",
    /finds no file of numpy==9\.9/,
  ],
  [
    "pip, its detailed log names the host",
    `WARNING: Retrying after connection broken by 'NewConnectionError('Temporary failure in name resolution')': /simple/alpha/
Could not fetch URL https://wheels.example:8443/simple/alpha/: connection error: HTTPSConnectionPool(host='wheels.example', port=8443): Max retries exceeded`,
    "unreachable",
    /wanted 71 packages from https:\/\/wheels\.example:8443 and cannot reach it \(unknown host\)/,
  ],
  [
    "pip, cut off in the middle of a file",
    `pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='files.example', port=443): Read timed out.`,
    "unreachable",
    /from files\.example:443 and cannot reach it \(no answer in time\)/,
  ],
  [
    "uv, unknown host",
    `error: Request failed after 2 retries in 4.3s
  cause: Failed to fetch: https://wheels.example/whl/cpu/torch/
  cause: error sending request for url (https://wheels.example/whl/cpu/torch/)
  cause: dns error`,
    "unreachable",
    /from https:\/\/wheels\.example and cannot reach it \(unknown host\)/,
  ],
  [
    "pip, other file",
    `ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package versions, please update the hashes.
    six==1.17.0 from file:///wheels/six-1.17.0-py2.py3-none-any.whl (from -r h.txt (line 2)):
        Expected sha256 0000`,
    "wrong hash",
    /^six==1\.17\.0 is not the file that the lock recorded/,
  ],
  [
    "uv, other file",
    "error: Failed to download `six==1.17.0`\n  cause: Hash mismatch for `six==1.17.0`",
    "wrong hash",
    /^six==1\.17\.0 is not the file/,
  ],
  [
    "pip, no file for this Python",
    `ERROR: Could not find a version that satisfies the requirement numpy==9.9 (from versions: 1.23.2, 2.4.6)
ERROR: No matching distribution found for numpy==9.9`,
    "no file",
    /^pip 24\.2 finds no file of numpy==9\.9 for Python 3\.11\.7 on linux x86_64$/,
  ],
  [
    "pip, no such name",
    `ERROR: Could not find a version that satisfies the requirement my_lab_tools (from versions: none)
ERROR: No matching distribution found for my_lab_tools`,
    "no file",
    /^pip 24\.2 finds no package of the name my_lab_tools$/,
  ],
  [
    "pip, no file, after one retry that helped",
    `WARNING: Retrying after connection broken by 'ReadTimeoutError': /simple/numpy/
ERROR: Could not find a version that satisfies the requirement numpy==9.9 (from versions: 1.23.2, 2.4.6)`,
    "no file",
    /finds no file of numpy==9\.9/,
  ],
  [
    "pip, no file, under a constraint",
    `ERROR: Cannot install torch==2.13.0+cpu because these package versions have conflicting dependencies.
ERROR: ResolutionImpossible: for help visit the documentation`,
    "no file",
    /finds no file of torch==2\.13\.0\+cpu/,
  ],
  [
    "uv, no such version",
    `error: No solution found when resolving dependencies
  cause: Because there is no version of numpy==9.9 and you require numpy==9.9, we can conclude`,
    "no file",
    /finds no file of numpy==9\.9/,
  ],
  [
    "uv, no wheel",
    "  cause: Because numpy==1.20.0 has no usable wheels and you require numpy==1.20.0, we can conclude",
    "no file",
    /finds no file of numpy==1\.20\.0/,
  ],
  [
    "pip, full disk",
    "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
    "disk full",
    /^the disk is full$/,
  ],
  [
    "pip, building fails",
    "  error: subprocess-exited-with-error\nERROR: Failed building wheel for numpy",
    "build failed",
    /^numpy has no ready-made file for Python 3\.11\.7/,
  ],
  ["anything else", "Traceback\nERROR: it went wrong\nbye", "other", /^pip 24\.2 failed: it went wrong$/],
  ["silence", "", "other", /it said nothing/],
];

Deno.test("explainInstall() names the cause", async (t) => {
  for (const [name, output, kind, message] of OUTPUTS) {
    await t.step(name, () => {
      const problem = explainInstall(output, CONTEXT);
      assert.equal(problem.kind, kind);
      assert.match(problem.message, message);
      assert.doesNotMatch(problem.message, /0x7f|Retry\(/);
    });
  }
});

Deno.test("InstallProgress counts the packages of pip and uv", async (t) => {
  const cases: [name: string, lines: string[], reported: string[]][] = [
    ["pip", [
      "Collecting scikit-learn==1.9.1 (from -r r.txt (line 1))",
      "  Downloading scikit_learn-1.9.1-cp311-cp311-manylinux.whl.metadata (11 kB)",
      "Downloading scikit_learn-1.9.1-cp311-cp311-manylinux.whl (8.9 MB)",
      "  Using cached six-1.17.0-py2.py3-none-any.whl (11 kB)",
      "Processing /a folder/torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl",
      "Installing collected packages: scikit-learn, six, torch",
    ], [
      "1 of 3 packages: scikit-learn 8.9 MB",
      "2 of 3 packages: six 11 kB",
      "3 of 3 packages: torch",
      "installing the packages",
    ]],
    ["uv, in two calls", [
      "Downloading torch (182.9MiB)",
      " Downloaded torch",
      "Prepared 1 package in 5.18s",
      "Downloading scipy (33.7MiB)",
      " Downloaded scipy",
      "Prepared 2 packages in 3.14s",
    ], [
      "0 of 3 packages: torch 182.9MiB",
      "1 of 3 packages: torch",
      "installing the packages",
      "1 of 3 packages: scipy 33.7MiB",
      "2 of 3 packages: scipy",
      "installing the packages",
    ]],
  ];
  for (const [name, lines, reported] of cases) {
    await t.step(name, () => {
      const said: string[] = [];
      const progress = new InstallProgress(3, (line) => said.push(line));
      lines.forEach((line) => progress.line(line));
      assert.deepEqual(said, reported);
    });
  }
});

Deno.test("InstallProgress counts only the packages that this machine needs", async (t) => {
  await t.step("pip says which it passes over", () => {
    const said: string[] = [];
    const progress = new InstallProgress(2, (line) => said.push(line));
    progress.line("Ignoring appnope: markers 'sys_platform == \"darwin\"' don't match your environment");
    progress.line("Downloading six-1.17.0-py2.py3-none-any.whl (11 kB)");
    assert.deepEqual(said, ["1 of 1 packages: six 11 kB"]);
  });
  await t.step("uv does not", () => {
    const said: string[] = [];
    const progress = new InstallProgress(3, (line) => said.push(line));
    progress.line("Resolved 1 package in 2ms"); // what is installed by itself
    progress.expect(2);
    progress.line("Resolved 1 package in 2ms");
    progress.line(" Downloaded scipy");
    assert.deepEqual(said, ["1 of 2 packages: scipy"]);
  });
  await t.step("the count is never above the total", () => {
    const said: string[] = [];
    const progress = new InstallProgress(0, (line) => said.push(line));
    progress.line("Downloading six-1.17.0-py2.py3-none-any.whl (11 kB)");
    assert.deepEqual(said, ["1 of 1 packages: six 11 kB"]);
  });
});

Deno.test("parsePipSettings() reads pip's files, and lets the environment go before them", () => {
  const listed = [
    ":env:.find-links='/b'",
    "global.extra-index-url='file:///one file:///two'",
    "global.find-links='\\n/a\\n/c'",
    "install.no-index='true'",
  ].join("\n");
  assert.deepEqual(
    parsePipSettings(listed, { PIP_INDEX_URL: "https://wheels.example/simple", PIP_CERT: "" }),
    {
      "extra-index-url": "file:///one file:///two",
      "find-links": "/a /c",
      "no-index": "true",
      "index-url": "https://wheels.example/simple",
    },
  );
});
