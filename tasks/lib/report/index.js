// Finds, narrows and sorts the runs of the list, without a server. Without it the list is whole, the newest run first.
const sections = [...document.querySelectorAll("main > section")];
const rows = sections.flatMap((section) =>
  [...section.querySelectorAll("tbody tr")].map((row, place) => {
    const [run, verdict, task, ran, begun] = [...row.querySelectorAll(".value")].map((cell) =>
      cell.textContent.trim().replace(/\s+/g, " ")
    );
    const title = section.querySelector("h2").textContent;
    const outcome = row.querySelector(".pill").lastChild.textContent.trim();
    return {
      ...{ section, row, place, outcome, begun, task, ran },
      text: [title, run, verdict, task, ran, begun].join(" ").toLowerCase(),
    };
  })
);

const ORDERS = {
  "newest first": (a, b) => compare(b.begun, a.begun) || a.place - b.place,
  "oldest first": (a, b) => compare(a.begun, b.begun) || b.place - a.place,
  "verdict": (a, b) => compare(a.outcome, b.outcome) || a.place - b.place,
  "task": (a, b) => compare(a.task, b.task) || a.place - b.place,
  "where it ran": (a, b) => compare(a.ran, b.ran) || a.place - b.place,
};

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

const find = document.createElement("input");
find.type = "search";
const verdict = choice(["any verdict", ...new Set(rows.map(({ outcome }) => outcome).sort())]);
const order = choice(Object.keys(ORDERS));
const said = document.createElement("p");
said.setAttribute("role", "status");

function choice(names) {
  const select = document.createElement("select");
  select.append(...names.map((name) => new Option(name, name)));
  return select;
}

function labelled(text, control) {
  const label = document.createElement("label");
  label.append(text, control);
  return label;
}

function show() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const isShown = ({ text, outcome }) =>
    words.every((word) => text.includes(word)) &&
    (verdict.selectedIndex === 0 || outcome === verdict.value);
  const shown = new Set(rows.filter(isShown));
  for (const one of [...rows].sort(ORDERS[order.value])) {
    one.row.hidden = !shown.has(one);
    one.row.parentElement.append(one.row);
  }
  for (const section of sections) section.hidden = ![...shown].some((one) => one.section === section);
  said.textContent = `${shown.size} of ${rows.length} shown`;
}

if (rows.length > 1) {
  const tools = document.createElement("form");
  tools.className = "find";
  tools.setAttribute("role", "search");
  tools.append(labelled("Find", find), labelled("Verdict", verdict), labelled("Sort", order), said);
  tools.addEventListener("input", show);
  tools.addEventListener("submit", (event) => event.preventDefault());
  document.querySelector("main").prepend(tools);
  // A page that is come back to has kept what was typed.
  addEventListener("pageshow", show);
  show();
}
