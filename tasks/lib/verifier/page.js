/** The page: takes what is dropped on it, asks the worker, and shows what came out. Texts of others are texts, never markup. */

// The worker's source is in the page, too; what it is asked and answers are the types of worker.ts.

const [drop, folder, zip, result] = ["drop", "folder", "zip", "result"].map((id) =>
  document.getElementById(id)
);

/** How long all of it may take (ms): many large files take minutes. */
const PATIENCE_MS = 600_000;

/** How long one search may take (ms), as elsewhere: a hostile pattern would keep the worker busy for ever. */
const SEARCH_MS = 2_000;

/** Judges files, as one who drops them would. */
function verifyFiles(files) {
  const address = URL.createObjectURL(
    new Blob([document.getElementById("worker").textContent], { type: "text/javascript" }),
  );
  const worker = new Worker(address);
  return new Promise((resolve) => {
    const after = (time, message) => setTimeout(() => resolve({ kind: "problem", message }), time);
    const over = after(PATIENCE_MS, `It took longer than ${PATIENCE_MS / 60_000} minutes`);
    let search;
    worker.onmessage = ({ data }) => {
      clearTimeout(search);
      if (data.kind === "searched") return;
      if (data.kind === "searching") {
        const why = `/${data.pattern}/ tries too many ways to match`;
        search = after(SEARCH_MS, `A file was searched for ${SEARCH_MS / 1000} s in vain: ${why}`);
        return;
      }
      clearTimeout(over);
      resolve(data);
    };
    worker.onerror = ({ message }) => resolve({ kind: "problem", message });
    worker.postMessage({ files });
  }).finally(() => {
    worker.terminate();
    URL.revokeObjectURL(address);
  });
}

Object.assign(globalThis, { verifyFiles });

async function verify(files) {
  if (files.length === 0) return;
  show(element("p", `Reading ${files.length} ${files.length === 1 ? "file" : "files"} …`));
  const answer = await verifyFiles(files);
  if (answer.kind === "finding") show(...describe(answer.finding));
  else if (answer.kind === "problem") showProblem(answer.message);
}

function showProblem(message) {
  const problem = element("p", message);
  problem.className = "verdict bad";
  show(problem);
}

function show(...parts) {
  result.replaceChildren(...parts);
}

function element(name, ...parts) {
  const made = document.createElement(name);
  made.append(...parts);
  return made;
}

function describe(found) {
  const held =
    found.checks.filter(({ verdict }) => verdict === "identical" || verdict === "within tolerance").length;
  const isGood = found.holds && found.altered.length === 0 && found.status === "done";
  const title = found.altered.length > 0
    ? `Not to be trusted: ${found.altered.length} recorded ${
      found.altered.length === 1 ? "file was" : "files were"
    } altered`
    : `${isGood ? "Holds" : "Does not hold"}: ${held} of ${found.checks.length} claims hold`;
  const verdict = element("p", title);
  verdict.className = `verdict ${isGood ? "good" : "bad"}`;
  return [
    element("h2", found.experiment),
    verdict,
    ...lists("Altered since the run ended", found.altered),
    ...lists("Judged otherwise than the run recorded", found.otherVerdicts),
    claims(found),
    ...lists("Remarks on how the numbers came about, no part of the verdict", found.remarks),
    facts(found),
    ...lists("Not looked at: links, which a browser does not see in a folder", found.unseenLinks),
  ];
}

function lists(title, lines) {
  if (lines.length === 0) return [];
  return [element("h3", title), element("ul", ...lines.slice(0, 200).map((line) => element("li", line)))];
}

function claims({ checks }) {
  const header = ["claim", "claimed", "obtained", "tolerance", "verdict"].map((name) => {
    const cell = element("th", name);
    cell.scope = "col";
    return cell;
  });
  const rows = checks.slice(0, 2000).map(({ claim, claimed, obtained, unit, tolerance, verdict, detail }) => {
    const cells = [claim, withUnit(claimed, unit), withUnit(obtained, unit), tolerance, verdict];
    const row = element("tr", ...cells.map((text) => element("td", text)));
    row.className = verdict === "identical" || verdict === "within tolerance" ? "good" : "bad";
    row.title = detail;
    return row;
  });
  const table = element("table", element("thead", element("tr", ...header)), element("tbody", ...rows));
  const frame = element("div", table);
  frame.className = "table";
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", "claims");
  return frame;
}

function withUnit(text, unit) {
  return unit === undefined || text === "—" ? text : text.replace(/^(.*?)( \(.*\))?$/, `$1 ${unit}$2`);
}

function facts(found) {
  const pairs = [
    ["run", `${found.run}, ${found.status}${found.ended === undefined ? "" : `, ${found.ended}`}`],
    ["code", found.commit === undefined ? "no git commit" : `commit ${found.commit}`],
    ["signature", found.signature.detail],
    ["read here", `${found.files} files, ${megabytes(found.bytes)} MB, in ${found.seconds.toFixed(1)} s`],
  ];
  return element("dl", ...pairs.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}

/** All files below what was dropped. Chromium reads entries only of pages that a server sent, and handles of every page. */
async function filesOf(item) {
  if (item.getAsFileSystemHandle === undefined) {
    const entry = item.webkitGetAsEntry();
    return entry === null ? [] : await filesOfEntry(entry, entry.name);
  }
  const handle = await item.getAsFileSystemHandle();
  return handle === null ? [] : await filesOfHandle(handle, handle.name);
}

async function filesOfHandle(handle, path) {
  if (handle.kind === "file") return [[path, await handle.getFile()]];
  const found = [];
  for await (const [name, inner] of handle.entries()) {
    found.push(...await filesOfHandle(inner, `${path}/${name}`));
  }
  return found;
}

async function filesOfEntry(entry, path) {
  if (entry.isFile) return [[path, await new Promise((resolve, reject) => entry.file(resolve, reject))]];
  const reader = entry.createReader();
  const found = [];
  for (;;) { // a reader gives a hundred at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    for (const inner of some) found.push(...await filesOfEntry(inner, `${path}/${inner.name}`));
  }
}

function chosen({ files }) {
  return Array.from(files ?? [], (file) => [file.webkitRelativePath || file.name, file]);
}

folder.addEventListener("change", () => verify(chosen(folder)));
zip.addEventListener("change", () => verify(chosen(zip)));
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragenter" || name === "dragover");
  });
}
document.addEventListener("drop", async ({ dataTransfer }) => {
  // An item is gone after the first wait.
  const dropped = Array.from(dataTransfer?.items ?? []).filter(({ kind }) => kind === "file").map(filesOf);
  try {
    await verify((await Promise.all(dropped)).flat());
  } catch (error) {
    showProblem(`What was dropped can't be read: ${error.message}`);
  }
});
