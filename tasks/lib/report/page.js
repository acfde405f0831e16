// Adds what only a script can do: a button that copies a text. Without it the text can be selected.
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
