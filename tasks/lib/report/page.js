// Adds what only a script can do. A button copies a text; without it the text can be selected.
for (const block of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy ${block.dataset.copy}`);
  const said = document.createElement("span");
  said.className = "said";
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    const text = block.querySelector("p, pre").textContent;
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block.querySelector("p, pre"));
      said.textContent = "Selected";
    }
    setTimeout(() => said.textContent = "", 2000);
  });
  const tools = document.createElement("div");
  tools.className = "tools";
  tools.append(said, button);
  block.prepend(tools);
}

// A picture can be saved as SVG, in the colours of paper, and what it is drawn from as CSV.
for (const picture of document.querySelectorAll("svg.chart")) {
  const title = picture.querySelector("title").textContent;
  const name = title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "figure";
  const tools = document.createElement("div");
  tools.className = "save";
  tools.append(saver("SVG", title, () => save(`${name}.svg`, "image/svg+xml", drawing(picture))));
  const next = picture.nextElementSibling;
  const rows = next?.matches("template.csv") ? next : undefined;
  if (rows !== undefined) {
    const note = rows.dataset.note === "" ? "" : ` (${rows.dataset.note})`;
    const text = () => save(`${name}.csv`, "text/csv;charset=utf-8", `${rows.content.textContent.trim()}\n`);
    tools.append(saver(`CSV${note}`, title, text));
  }
  (rows ?? picture).after(tools);
}

function saver(kind, title, work) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `Save ${kind}`;
  button.setAttribute("aria-label", `Save ${kind}: ${title}`);
  button.addEventListener("click", work);
  return button;
}

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** The picture as a file of its own: what the page's style gives it is written into it, its legend above it. */
function drawing(picture) {
  const [x, y, width, height] = picture.getAttribute("viewBox").split(" ").map(Number);
  const copy = picture.cloneNode(true);
  for (const name of ["class", "style"]) copy.removeAttribute(name);
  const items = picture.closest("figure")?.querySelectorAll(".legend li") ?? [];
  const room = items.length === 0 ? 0 : 24;
  let at = x + 8;
  for (const item of items) {
    const sign = item.querySelector("svg").cloneNode(true);
    const text = document.createElementNS(copy.namespaceURI, "text");
    text.textContent = item.textContent.trim();
    put(sign, { x: at, y: y - 17, width: 28, height: 10 });
    put(text, { x: at + 33, y: y - 8, "font-size": 12, fill: "var(--ink)" });
    copy.append(sign, text);
    at += 50 + 7 * text.textContent.length;
  }
  const paper = document.createElementNS(copy.namespaceURI, "rect");
  const size = { width: Math.max(width, at - x), height: height + room };
  put(paper, { x, y: y - room, ...size, fill: "var(--paper)" });
  copy.insertBefore(paper, copy.children[2] ?? null);
  put(copy, {
    ...{ viewBox: `${x} ${y - room} ${size.width} ${size.height}`, ...size, color: "var(--ink)" },
    "font-family": "sans-serif",
  });
  const light =
    [...document.styleSheets[0].cssRules].find(({ selectorText }) => selectorText === ":root").style;
  const colour = (_, name) => light.getPropertyValue(name).trim();
  for (const one of [copy, ...copy.querySelectorAll("*")]) {
    for (const { name, value } of [...one.attributes]) {
      if (value.includes("var(")) one.setAttribute(name, value.replace(/var\((--[\w-]+)\)/g, colour));
      if (name === "font-family" && value === "inherit") one.removeAttribute(name);
    }
  }
  return new XMLSerializer().serializeToString(copy);
}

function put(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}
