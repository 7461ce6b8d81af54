// Below each chart a slider over its periods, whose words are those of its table: mouse, touch and keyboard alike.
"use strict";
{
  /** The text of a cell with the range of a total built here in brackets. */
  function readText(cell) {
    const range = cell.querySelector(".range");
    return range ? `${cell.firstChild.textContent.trim()} (${range.textContent})` : cell.textContent.trim();
  }

  /** What a table of periods says of each, the oldest first. */
  function readRows(table) {
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.firstChild.textContent);
    // How a figure stands to its standard is said with the figure, not as one more.
    const describe = (cell, number) =>
      cell.className === "standard-status"
        ? ` (${heads[number + 1]}: ${readText(cell)})`
        : `${number ? "; " : ""}${heads[number + 1]} ${readText(cell)}`;
    const rows = [...table.querySelectorAll("tbody tr[data-i]")].reverse();
    return rows.map((row) => {
      const [header, ...cells] = row.cells;
      return {
        number: Number(row.dataset.i),
        text: `${readText(header)}: ${cells.map(describe).join("")}`,
      };
    });
  }

  /** What a table with a column a period says of some rows, the oldest period first, up to the one numbered `last`. */
  function readColumns(table, keys, last) {
    const allRows = [...table.tBodies[0].rows];
    const rows = keys.map((key) => allRows.find((row) => row.dataset.key === key)).filter(Boolean);
    const columns = [...table.tHead.rows[0].cells]
      .map((head, position) => ({ head, position, number: Number(head.dataset.i) }))
      .filter(({ head, number }) => head.dataset.i !== undefined && number <= last)
      .sort((one, other) => one.number - other.number);
    return columns.map(({ head, position, number }) => {
      const figures = rows.map(
        (row) => `${row.cells[0].firstChild.textContent.trim()} ${readText(row.cells[position])}`,
      );
      return {
        number: number - columns[0].number,
        text: `${readText(head)}: ${figures.join("; ")}`,
      };
    });
  }

  /** Add the slider to a figure. The words come from the table that the figure names. */
  function addChartReader(figure) {
    const svg = figure.querySelector("svg.chart-drawing");
    const { panel, rows, last } = figure.dataset;
    const table = document.getElementById(`${panel}-caption`).closest("table");
    const places = rows ? readColumns(table, rows.split(" "), Number(last)) : readRows(table);
    if (!places.length) return;
    const id = svg.querySelector("title").id.replace(/-title$/, "-reader");
    const end = places.length - 1;
    const box = document.createElement("div");
    box.className = "reader";
    box.innerHTML =
      `<label for="${id}">Read the chart by period</label>` +
      `<input id="${id}" type="range" min="0" max="${end}" value="${end}"><output for="${id}"></output>`;
    figure.append(box);
    const slider = box.querySelector("input");
    const output = box.querySelector("output");
    const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
    cursor.setAttribute("class", "cursor");
    svg.append(cursor);
    const left = Number(svg.dataset.left);
    const step = Number(svg.dataset.step);

    function read() {
      const { number, text } = places[Number(slider.value)];
      output.textContent = text;
      slider.setAttribute("aria-valuetext", text);
      const x = left + step * (number + 0.5);
      const ends = { x1: x, x2: x, y1: svg.dataset.top, y2: svg.dataset.bottom };
      for (const [name, value] of Object.entries(ends)) cursor.setAttribute(name, value);
    }

    function follow(event) {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      const number = Math.floor((x - left) / step);
      const distances = places.map((place) => Math.abs(place.number - number));
      const nearest = String(distances.indexOf(Math.min(...distances)));
      if (nearest === slider.value) return;
      slider.value = nearest;
      read();
    }

    slider.addEventListener("input", read);
    svg.addEventListener("pointermove", follow);
    read();
  }

  iapt.addChartReader = addChartReader;
}
