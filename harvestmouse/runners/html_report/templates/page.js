"use strict";
// Filters and sorts the table of decisions. Without scripts all its rows are shown.
(() => {
  const STEP = 100;
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const form = document.querySelector(".filters");
  const matches = document.getElementById("matches");
  const more = document.querySelector(".more");
  const search = document.getElementById("search");
  const choices = ["job", "verdict", "reason"].map((name) => document.getElementById(name));
  let rows = Array.from(body.rows, (row) => ({ row, text: row.textContent.toLowerCase() }));
  let most = STEP;

  function show() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const { row, text } of rows) {
      const wanted = choices.every((choice) => !choice.value || row.dataset[choice.id] === choice.value)
        && words.every((word) => text.includes(word));
      if (wanted) found += 1;
      row.hidden = !wanted || found > most;
    }
    const shown = Math.min(found, most);
    matches.textContent = `${found} of ${rows.length} decisions match; ${shown === found ? "all" : shown} are shown.`;
    more.hidden = shown === found;
  }

  function filter() {
    most = STEP;
    show();
  }

  function sort(column, head) {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const compare = new Intl.Collator("en", { numeric: true }).compare;
    const keyed = rows.map((one) => ({ one, key: one.row.cells[column].textContent }));
    keyed.sort((a, b) => (down ? compare(b.key, a.key) : compare(a.key, b.key)));
    rows = keyed.map(({ one }) => one);
    body.append(...rows.map(({ row }) => row));
    show();
  }

  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    const button = head.querySelector("button");
    button.disabled = false;
    button.addEventListener("click", () => sort(column, head));
  });
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  document.getElementById("more").addEventListener("click", () => { most += STEP; show(); });
  document.getElementById("all").addEventListener("click", () => { most = Infinity; show(); });
  form.hidden = false;
  show();
})();
