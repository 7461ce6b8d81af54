// Sorting of a table by its columns: a button in each head.
"use strict";
{
  const readCell = (row, column) => row.cells[column].textContent.trim();

  const parseNumber = (text) => (/^[\d,]/.test(text) ? parseFloat(text.replace(/,/g, "")) : NaN);

  /** Compare two rows by a column: the first by its words, the others by their numbers. */
  function compareRows(one, other, column, direction) {
    const [a, b] = [one, other].map((row) => readCell(row, column));
    if (column === 0) return direction * a.localeCompare(b, "en");
    const [x, y] = [a, b].map(parseNumber);
    // What has no figure stands last either way: it is neither the least nor the most.
    if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
    return direction * (x - y);
  }

  /** Make a table sortable; `announce` tells what it was sorted by. */
  function addSorting(table, announce) {
    const heads = [...table.querySelectorAll("thead th")];
    const body = table.tBodies[0];
    for (const head of heads) {
      const column = [...head.parentNode.cells].indexOf(head);
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = head.textContent;
      head.textContent = "";
      head.append(button);
      button.addEventListener("click", () => {
        const isFalling = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", isFalling ? "descending" : "ascending");
        const direction = isFalling ? -1 : 1;
        body.append(...[...body.rows].sort((one, other) => compareRows(one, other, column, direction)));
        announce(`Sorted by ${button.textContent}, ${isFalling ? "falling" : "rising"}.`);
      });
    }
  }

  iapt.addSorting = addSorting;
}
