"use strict";
(() => {
  const root = document.documentElement;
  const words = (en, zh) => (root.lang === "zh" ? zh : en);

  // Language: `#zh` or `#en` in the address, else the reader's own.
  const buttons = document.querySelectorAll("[data-language]");
  const speak = (language) => {
    root.lang = language;
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.language === language));
    }
    for (const field of document.querySelectorAll("input.filter")) {
      field.placeholder = words("Filter rows", "筛选行");
      field.setAttribute("aria-label", field.placeholder);
    }
  };
  for (const button of buttons) {
    button.addEventListener("click", () => speak(button.dataset.language));
  }
  document.querySelector(".languages").hidden = false;

  // Tables: a click on a header sorts, a long table gets a field that filters.
  const value = (row, column) => {
    const cell = row.cells[column];
    const number = cell.dataset.sort;
    return number === undefined ? cell.innerText.trim() : Number(number);
  };
  const sort = (table, header, column) => {
    const down = header.getAttribute("aria-sort") !== "descending";
    for (const other of header.parentNode.cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const compare = (a, b) => {
      const [x, y] = [value(a, column), value(b, column)];
      const order = typeof x === "number" ? x - y : x.localeCompare(y);
      return down ? -order : order;
    };
    // Groups stay together: rows are only sorted below their own group header.
    const groups = [[null, []]];
    for (const row of body.rows) {
      if (row.classList.contains("group")) groups.push([row, []]);
      else groups[groups.length - 1][1].push(row);
    }
    for (const [head, rows] of groups) {
      if (head) body.append(head);
      body.append(...rows.sort(compare));
    }
  };
  const filter = (table, wanted) => {
    for (const row of table.tBodies[0].rows) {
      row.hidden = !row.classList.contains("group") &&
        !row.textContent.toLowerCase().includes(wanted.toLowerCase());
    }
  };
  for (const table of document.querySelectorAll("table.grid")) {
    const rows = table.tBodies[0].rows.length;
    if (rows < 3) continue;
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, header, column));
      header.append(button);
    });
    if (rows < 16) continue;
    const field = document.createElement("input");
    field.type = "search";
    field.className = "filter";
    field.addEventListener("input", () => filter(table, field.value));
    table.parentNode.before(field);
  }

  // On paper everything is open.
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
  });

  const asked = location.hash.slice(1);
  const own = navigator.language.startsWith("zh") ? "zh" : "en";
  speak(asked === "zh" || asked === "en" ? asked : own);
})();
