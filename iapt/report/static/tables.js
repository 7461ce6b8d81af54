// Tables as text, for people and as CSV: the same rows in both. Pure functions.
"use strict";
{
  const { written, standing, escape, MARKERS, MEANINGS } = iapt.figures;

  /** A figure as a table shows it; a total built here with what its true value can be. */
  function cellHtml(read, flag) {
    const mark = read === null ? "none" : read.status !== "published" ? "mark" : "";
    const range =
      read && read.derived
        ? ` <span class="range">${iapt.figures.grouped(String(read.least))} to ${iapt.figures.grouped(String(read.most))}${read.hidden ? `, ${read.hidden} hidden` : ""}</span>`
        : "";
    const text = mark ? `<span class="${mark}">${written(read)}</span>` : written(read);
    const noted = read && read.notes ? ' <span class="mark">[note]</span>' : "";
    return `${text}${noted}${flag ? ' <span class="mark">[b]</span>' : ""}${range}`;
  }

  const plain = (read) => (read === null ? "" : read.status === "published" ? read.text : "");
  const status = (read) => (read === null ? "" : read.status);

  /** No text that a spreadsheet would run as a formula. */
  const safe = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
  const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);

  /** What each row of a download says of itself, so that a file alone can be cited: release, source and licence. */
  const provenance = () => {
    const { id = "", source = "", licence = "" } = iapt.site.release || {};
    return [
      ["release_id", id],
      ["source", source],
      ["licence", licence],
    ];
  };

  /** A link that holds the table as CSV: it works without a server and without JavaScript. */
  function csvLink(table) {
    const bounded = (column) => table.rows.some((row) => row.cells && row.cells[column] && row.cells[column].derived);
    const noted = (column) => table.rows.some((row) => row.cells && row.cells[column] && row.cells[column].notes);
    // Of whom: the rows say it where each is of another organisation, else it is one for the whole table.
    const own =
      table.keys.some((key) => key.name === "org_code") || !table.orgs
        ? []
        : [
            ["org_code", table.orgs.map((one) => one.code).join("; ")],
            ["org_name", table.orgs.map((one) => one.name).join("; ")],
          ];
    const about = provenance();
    const head = [...own.map(([name]) => name), ...table.keys.map((key) => key.name)];
    table.columns.forEach((column, number) => {
      head.push(column.slug, `${column.slug}_status`);
      if (column.judged) head.push(`${column.slug}_standard_status`);
      if (bounded(number)) head.push(`${column.slug}_lower`, `${column.slug}_upper`, `${column.slug}_suppressed_parts`);
      if (noted(number)) head.push(`${column.slug}_note`);
    });
    head.push(...about.map(([name]) => name));
    const lines = [head.map((text) => quoted(safe(text))).join(",")];
    for (const row of table.rows) {
      if (!row.cells) continue;
      const fields = [...own.map(([, text]) => text), ...row.keys].map((text) => quoted(safe(text)));
      row.cells.forEach((read, number) => {
        fields.push(plain(read), status(read));
        const { judged } = table.columns[number];
        if (judged) fields.push(judged.words[row.number] || "");
        if (bounded(number)) {
          const has = read && read.derived;
          fields.push(has ? String(read.least) : "", has ? String(read.most) : "", has ? String(read.hidden) : "");
        }
        if (noted(number)) fields.push(quoted(safe(read && read.notes ? read.notes.join(" ") : "")));
      });
      fields.push(...about.map(([, text]) => quoted(safe(text))));
      lines.push(fields.join(","));
    }
    const text = lines.join("\n") + "\n";
    const data = text
      .replace(/%/g, "%25")
      .replace(/\n/g, "%0A")
      .replace(/\r/g, "%0D")
      .replace(/#/g, "%23")
      .replace(/ /g, "%20")
      .replace(/"/g, "%22");
    return `<p class="download"><a download="${escape(table.file)}.csv" href="data:text/csv;charset=utf-8,${escape(data)}">Download these figures (CSV)<span class="vh">: ${escape(table.caption)}</span></a></p>`;
  }

  /** The markers that stand in a table, each with its meaning. */
  function markersOf(table) {
    const found = new Set(table.columns.some((column) => column.flag) ? ["[b]"] : []);
    for (const row of table.rows) {
      for (const [number, read] of (row.cells || []).entries()) {
        if (read === null) found.add("–");
        else if (read.status !== "published") found.add(MARKERS[read.status]);
        if (read && read.notes) found.add("[note]");
        if (row.flags && row.flags[number]) found.add("[b]");
      }
      if (row.flag) found.add("[b]");
    }
    return Object.keys(MEANINGS).filter((marker) => found.has(marker));
  }

  /**
   * A table with a heading of its own in a region that scrolls.
   * A column whose figures have a standard is followed by one of how each stands to it, of `judged`: { label, words }.
   * `number` is that of the period of a column or a row, `key` what a chart calls the row, `orgs` whose figures they are.
   * table: { id, caption, file, orgs, corner, keys: [{ name }], columns: [{ label, slug, judged, number, flag }], bars: column or null,
   *          rows: [{ header, href, keys, key, number, cells, flag, flags } | { header, span }] }
   */
  function html(table) {
    const standards = table.columns.filter((column) => column.judged).length;
    const bars = table.bars === undefined || table.bars === null ? -1 : table.bars;
    const most =
      bars < 0
        ? 0
        : table.barsTo ||
          Math.max(
            ...table.rows
              .filter(
                (row) =>
                  row.cells && row.cells[bars] && row.cells[bars].status === "published" && !row.cells[bars].impossible,
              )
              .map((row) => row.cells[bars].value),
            1,
          );
    const head = table.columns
      .map(
        (column, number) =>
          `<th scope="col" class="n"${column.number === undefined ? "" : ` data-i="${column.number}"`}>${escape(column.label)}${column.flag ? ' <span class="mark">[b]</span>' : ""}</th>${number === bars ? '<td class="bar-head"></td>' : ""}${column.judged ? `<th scope="col" class="standing">${escape(column.judged.label)}${standards > 1 ? `<span class="vh">, ${escape(column.label)}</span>` : ""}</th>` : ""}`,
      )
      .join("");
    const body = table.rows.map((row) => {
      const name = row.href ? `<a href="${escape(row.href)}">${escape(row.header)}</a>` : escape(row.header);
      const header = `<th scope="row">${name}${row.flag ? ' <span class="mark">[b]</span>' : ""}${row.remark ? ` <span class="remark">${escape(row.remark)}</span>` : ""}</th>`;
      if (!row.cells)
        return `<tr class="held">${header}<td colspan="${table.columns.length + standards + (bars < 0 ? 0 : 1)}">${escape(row.span)}</td></tr>`;
      const cells = row.cells.map((read, number) => {
        const bar =
          number !== bars
            ? ""
            : read && read.status === "published" && !read.impossible
              ? `<td class="bar"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect width="${Math.round((read.value / most) * 1000) / 10}" height="10"/></svg></td>`
              : '<td class="bar"></td>';
        const { judged } = table.columns[number];
        const said = judged ? `<td class="standing">${escape(standing(read, judged.words[row.number]))}</td>` : "";
        return `<td class="n">${cellHtml(read, row.flags && row.flags[number])}</td>${bar}${said}`;
      });
      return `<tr${row.number === undefined ? "" : ` data-i="${row.number}"`}${row.key === undefined ? "" : ` data-key="${escape(row.key)}"`}>${header}${cells.join("")}</tr>`;
    });
    const markers = markersOf(table);
    const meaning = markers.length
      ? `<ul class="markers">${markers.map((marker) => `<li><span class="mark">${marker}</span> ${escape(MEANINGS[marker])}</li>`).join("")}</ul>`
      : "";
    const remarks = table.rows.flatMap((row) =>
      (row.cells || []).flatMap((read, number) =>
        ((read && read.notes) || []).map(
          (note) =>
            `<li><span class="mark">[note]</span> ${escape(`${row.header}, ${table.columns[number].label}: ${note}`)}</li>`,
        ),
      ),
    );
    const remarked = remarks.length ? `<ul class="notes remarks">${remarks.join("")}</ul>` : "";
    return (
      `<div class="scroller" role="region" aria-labelledby="${table.id}-caption" tabindex="0"><table${table.sortable ? ' class="sortable"' : ""}><caption id="${table.id}-caption"><span>${escape(table.caption)}</span></caption>` +
      `<thead><tr><th scope="col">${escape(table.corner)}</th>${head}</tr></thead><tbody>${body.join("")}</tbody></table></div>${meaning}${remarked}${csvLink(table)}`
    );
  }

  iapt.tables = { html, cellHtml };
}
