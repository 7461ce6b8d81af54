// Tables as text, for people and as CSV: the same rows in both. Pure functions.
"use strict";
{
  const { MARKERS, MEANINGS, escapeHtml, formatCell, formatStandardStatus, groupThousands, isPublished } = iapt.cells;
  const BREAK_MARK = ' <span class="mark">[b]</span>';
  const NOTE_MARK = '<span class="mark">[note]</span>';

  /** A figure as a table shows it; a total built here with what its true value can be. */
  function renderCell(cell, hasBreak) {
    const text = formatCell(cell);
    const kind = cell === null ? "none" : "mark";
    const value = isPublished(cell) ? text : `<span class="${kind}">${text}</span>`;
    const note = cell && cell.notes ? ` ${NOTE_MARK}` : "";
    return `${value}${note}${hasBreak ? BREAK_MARK : ""}${renderRange(cell)}`;
  }

  function renderRange(cell) {
    if (!cell || !cell.isDerived) return "";
    const hidden = cell.suppressedParts ? `, ${cell.suppressedParts} hidden` : "";
    return ` <span class="range">${groupThousands(cell.lower)} to ${groupThousands(cell.upper)}${hidden}</span>`;
  }

  // ---- the download ------------------------------------------------------------------------------------------------

  /** A field of a CSV file, with no text that a spreadsheet would run as a formula. */
  function quoteField(text) {
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  }

  /** What each row says of itself, so that a file alone can be cited: release, source and licence. */
  function describeRelease() {
    const { id = "", source = "", licence = "" } = iapt.site.release || {};
    return { release_id: id, source, licence };
  }

  /** Whose figures a table holds, where the rows do not say it. */
  function describeOrganisations(table) {
    if (!table.orgs || table.keys.includes("org_code")) return {};
    const join = (field) => table.orgs.map((org) => org[field]).join("; ");
    return { org_code: join("code"), org_name: join("name") };
  }

  /** The fields of one column of a table, each with how it is read of a row: figures are not quoted, texts are. */
  function listFields(table, column, number) {
    const cells = table.rows.map((row) => row.cells && row.cells[number]);
    const { slug, standard } = column;
    const cellOf = (row) => row.cells[number] || {};
    const fields = [
      { name: slug, read: (row) => (isPublished(row.cells[number]) ? cellOf(row).text : "") },
      { name: `${slug}_status`, read: (row) => cellOf(row).status || "" },
    ];
    if (standard)
      fields.push({
        name: `${slug}_standard_status`,
        read: (row) => standard.statuses[row.number] || "",
      });
    if (cells.some((cell) => cell && cell.isDerived)) {
      for (const [name, key] of [
        ["lower", "lower"],
        ["upper", "upper"],
        ["suppressed_parts", "suppressedParts"],
      ]) {
        fields.push({
          name: `${slug}_${name}`,
          read: (row) => (cellOf(row).isDerived ? String(cellOf(row)[key]) : ""),
        });
      }
    }
    if (cells.some((cell) => cell && cell.notes)) {
      fields.push({
        name: `${slug}_note`,
        read: (row) => quoteField((cellOf(row).notes || []).join(" ")),
      });
    }
    return fields;
  }

  function writeCsv(table) {
    const organisations = describeOrganisations(table);
    const release = describeRelease();
    const fields = table.columns.flatMap((column, number) => listFields(table, column, number));
    const names = [...Object.keys(organisations), ...table.keys, ...fields.map((field) => field.name)];
    const header = [...names, ...Object.keys(release)].map(quoteField);
    const before = Object.values(organisations);
    const after = Object.values(release).map(quoteField);
    const rows = table.rows
      .filter((row) => row.cells)
      .map((row) => [...[...before, ...row.keys].map(quoteField), ...fields.map((field) => field.read(row)), ...after]);
    return [header, ...rows].map((row) => `${row.join(",")}\n`).join("");
  }

  /** A link that holds the table as CSV: it works without a server and without JavaScript. */
  function renderDownload(table) {
    const data = writeCsv(table).replace(/[%\n\r# "]/g, encodeURIComponent);
    return (
      `<p class="download"><a download="${escapeHtml(table.file)}.csv" ` +
      `href="data:text/csv;charset=utf-8,${escapeHtml(data)}">Download these figures (CSV)` +
      `<span class="vh">: ${escapeHtml(table.caption)}</span></a></p>`
    );
  }

  // ---- the table ---------------------------------------------------------------------------------------------------

  /** The markers that stand in a table, each with its meaning. */
  function renderMarkers(table) {
    const markers = new Set(table.columns.some((column) => column.hasBreak) ? ["[b]"] : []);
    for (const row of table.rows) {
      for (const cell of row.cells || []) {
        if (!isPublished(cell)) markers.add(cell ? MARKERS[cell.status] : "–");
        if (cell && cell.notes) markers.add("[note]");
      }
      if (row.hasBreak || (row.breaks || []).some(Boolean)) markers.add("[b]");
    }
    const items = Object.keys(MEANINGS)
      .filter((marker) => markers.has(marker))
      .map((marker) => `<li><span class="mark">${marker}</span> ${escapeHtml(MEANINGS[marker])}</li>`);
    return items.length ? `<ul class="markers">${items.join("")}</ul>` : "";
  }

  /** The remarks on figures of a table, each with the row and the column it is about. */
  function renderRemarks(table) {
    const items = table.rows.flatMap((row) =>
      (row.cells || []).flatMap((cell, number) =>
        ((cell && cell.notes) || []).map((note) => {
          const text = `${row.header}, ${table.columns[number].label}: ${note}`;
          return `<li>${NOTE_MARK} ${escapeHtml(text)}</li>`;
        }),
      ),
    );
    return items.length ? `<ul class="notes remarks">${items.join("")}</ul>` : "";
  }

  const hasBar = (cell) => isPublished(cell) && !cell.isImpossible;

  function renderBar(cell, longest) {
    if (!hasBar(cell)) return '<td class="bar"></td>';
    const width = Math.round((cell.value / longest) * 1000) / 10;
    return (
      '<td class="bar"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">' +
      `<rect width="${width}" height="10"/></svg></td>`
    );
  }

  const formatAttribute = (name, value) => (value === undefined ? "" : ` data-${name}="${escapeHtml(value)}"`);

  function renderHead(table) {
    const isOneOfSeveral = table.columns.filter((column) => column.standard).length > 1;
    return table.columns
      .map((column, number) => {
        const label = `${escapeHtml(column.label)}${column.hasBreak ? BREAK_MARK : ""}`;
        const head = `<th scope="col" class="n"${formatAttribute("i", column.number)}>${label}</th>`;
        const bar = number === table.barColumn ? '<td class="bar-head"></td>' : "";
        if (!column.standard) return head + bar;
        const whose = isOneOfSeveral ? `<span class="vh">, ${escapeHtml(column.label)}</span>` : "";
        const standard = `${escapeHtml(column.standard.label)}${whose}`;
        return `${head}${bar}<th scope="col" class="standard-status">${standard}</th>`;
      })
      .join("");
  }

  function renderRow(table, row, longestBar) {
    const name = row.href ? `<a href="${escapeHtml(row.href)}">${escapeHtml(row.header)}</a>` : escapeHtml(row.header);
    const remark = row.remark ? ` <span class="remark">${escapeHtml(row.remark)}</span>` : "";
    const header = `<th scope="row">${name}${row.hasBreak ? BREAK_MARK : ""}${remark}</th>`;
    if (!row.cells) {
      const standards = table.columns.filter((column) => column.standard).length;
      const width = table.columns.length + standards + (table.barColumn === undefined ? 0 : 1);
      return `<tr class="not-held">${header}<td colspan="${width}">${escapeHtml(row.span)}</td></tr>`;
    }
    const cells = row.cells.map((cell, number) => {
      const { standard } = table.columns[number];
      const value = `<td class="n">${renderCell(cell, row.breaks && row.breaks[number])}</td>`;
      const bar = number === table.barColumn ? renderBar(cell, longestBar) : "";
      if (!standard) return value + bar;
      const status = escapeHtml(formatStandardStatus(cell, standard.statuses[row.number]));
      return `${value}${bar}<td class="standard-status">${status}</td>`;
    });
    return `<tr${formatAttribute("i", row.number)}${formatAttribute("key", row.key)}>${header}${cells.join("")}</tr>`;
  }

  /**
   * A table with a caption in a region that scrolls, the meanings of its markers, its remarks and its download.
   *
   * table: { id, caption, file, corner, keys, columns, rows, orgs, isSortable, barColumn, barEnd }. `keys` are the
   * names of the columns that name a row in the download, `orgs` the organisations whose figures all rows are. A column
   * is { label, slug, standard, number, hasBreak }: one of how each figure stands follows it where it has a `standard`,
   * { label, statuses }. `number` is that of the period of a column or a row. A row is { header, href, keys, key,
   * number, cells, remark, hasBreak, breaks }, or { header, span } for periods that are not held; `key` is what a chart
   * calls it. The figures of `barColumn` have bars, up to `barEnd` or their largest.
   */
  function renderTable(table) {
    const barCells = table.rows.map((row) => row.cells && row.cells[table.barColumn]).filter(hasBar);
    const longestBar = table.barEnd || Math.max(...barCells.map((cell) => cell.value), 1);
    const rows = table.rows.map((row) => renderRow(table, row, longestBar));
    return (
      `<div class="scroller" role="region" aria-labelledby="${table.id}-caption" tabindex="0">` +
      `<table${table.isSortable ? ' class="sortable"' : ""}>` +
      `<caption id="${table.id}-caption"><span>${escapeHtml(table.caption)}</span></caption>` +
      `<thead><tr><th scope="col">${escapeHtml(table.corner)}</th>${renderHead(table)}</tr></thead>` +
      `<tbody>${rows.join("")}</tbody></table></div>` +
      `${renderMarkers(table)}${renderRemarks(table)}${renderDownload(table)}`
    );
  }

  iapt.tables = { renderTable };
}
