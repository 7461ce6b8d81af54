// The parts that pages share: a chart with its summary, notes and table; words about places, standards and breaks.
"use strict";
{
  const { getArea, getPeriods } = iapt.lookup;
  const { escapeHtml, formatStandardStatus, formatWithUnit, groupThousands, isOffScale, isSuppressed, listPublished } =
    iapt.cells;
  const { STANDARD_SAMPLE, drawLineChart, drawSample } = iapt.lineChart;
  const LEVELS = { stp: "STP", icb: "ICB", ccg: "CCG", sub_icb: "sub-ICB location" };
  /** Instead of a level: the figures are sums over the areas that make up a place today. */
  const SUM = "sum";
  const NOT_COMPARABLE = "Figures before and after are not comparable.";

  // ---- words -------------------------------------------------------------------------------------------------------

  const formatCount = (count, one, many) => `${groupThousands(count)} ${count === 1 ? one : many}`;

  const joinWords = (words) =>
    words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;

  const capitalise = (text) => text[0].toUpperCase() + text.slice(1);

  const makeFileName = (...words) =>
    words
      .join("-")
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-");

  /** The unit of a table in brackets, where its measure does not say it. */
  const formatUnit = (unit) => (unit === "%" ? "" : ` (${unit})`);

  /** A name that fits a column's head: without what stands in brackets, which the list above the chart says. */
  const shortenHead = (label) => label.replace(/ \([^)]*\)$/, "");

  /** A name that fits beside a line: that of the report's settings, or the words that fit. */
  function shortenName(key, label) {
    if (iapt.site.short_names[key]) return iapt.site.short_names[key];
    const words = label.replace(/ \(.*$/, "").split(" ");
    let text = words.shift();
    while (words.length && `${text} ${words[0]}`.length <= 18) text += ` ${words.shift()}`;
    return words.length ? `${text.replace(/[,:]$/, "")}…` : text;
  }

  const renderList = (notes) =>
    notes.length ? `<ul class="notes">${notes.map((note) => `<li>${escapeHtml(note)}</li>`).join("")}</ul>` : "";

  /** The name of an organisation, or in quotes what was asked for where there is none. */
  const getAreaName = (id) => (getArea(id) || { name: `“${id}”` }).name;

  // ---- places ------------------------------------------------------------------------------------------------------

  /** The numbers of the periods from which on the figures are of another area than those before. */
  const listBoundaryBreaks = (figures) => (figures.boundary_breaks || []).map(({ first }) => first);

  /** As what a place has figures in a period, where it has had several codes or levels: STP, or a sum of others. */
  function describeLevel(figures, number, code) {
    const levels = (figures && figures.levels) || [];
    const isOneThroughout = levels.length < 2 && (!levels.length || levels[0].level !== SUM);
    if (isOneThroughout) return "";
    const current = levels.filter((level) => number >= level.first).pop() || levels[0];
    if (current.level === SUM) {
      const codes = current.code.split("; ");
      return codes.length > 3 ? `sum of ${codes.length} areas` : `sum of ${joinWords(codes)}`;
    }
    if (!LEVELS[current.level]) return "";
    return `as ${LEVELS[current.level]}${current.code && current.code !== code ? ` ${current.code}` : ""}`;
  }

  /** What a page says of a place beside its figures: its codes, its end, and links to what it came from and became. */
  function renderAreaNote(area) {
    const renderLinks = (relatives) =>
      relatives
        .map((relative) => {
          const text = `${escapeHtml(relative.name)} (${escapeHtml(relative.code)})`;
          if (!relative.area) return text;
          return `<a href="../organisations/${escapeHtml(relative.area)}.html">${text}</a>`;
        })
        .join("; ");
    const sentences = [
      area.note && escapeHtml(area.note),
      area.after.length && `It became: ${renderLinks(area.after)}.`,
      area.before.length && `It came from: ${renderLinks(area.before)}.`,
    ].filter(Boolean);
    return sentences.length ? `<p class="area-note">${sentences.join(" ")}</p>` : "";
  }

  // ---- standards ---------------------------------------------------------------------------------------------------

  /** The national standards of a measure over an axis: from and to which of its periods each holds. */
  function listStandards(measure, axis) {
    const standards = iapt.site.standards.filter((standard) => standard.measure === measure);
    return standards.flatMap((standard) => {
      const isInForce = (period) => period.start >= standard.from && (!standard.to || period.start <= standard.to);
      const numbers = axis.map((_, number) => number).filter((number) => isInForce(axis[number]));
      if (!numbers.length) return [];
      const [from, to] = [numbers[0], numbers[numbers.length - 1]];
      return [{ from, to, value: standard.threshold, label: standard.label }];
    });
  }

  /** How a series stands to the standard of its measure in each period; null where the release does not say it. */
  function readStandard(figures, population, measure) {
    const text = ((figures.standards || {})[population] || {})[measure];
    const standards = iapt.site.standards.filter((standard) => standard.measure === measure);
    const labels = [...new Set(standards.map((standard) => standard.label))];
    if (!text || !labels.length) return null;
    return {
      label: labels.length === 1 ? labels[0] : "National standard",
      statuses: text.split(","),
    };
  }

  // ---- summaries and notes -----------------------------------------------------------------------------------------

  /** The figures of a series after the last break that divides it, and since when they are: no range spans a break. */
  function selectSinceBreak(published, series, axis) {
    const [first, last] = [published[0].number, published[published.length - 1].number];
    const isBreak = (number) => axis[number].breaks_sums || (series.breaks || []).includes(number);
    const breaks = axis
      .map((_, number) => number)
      .filter((number) => number > first && number <= last && isBreak(number));
    if (!breaks.length) return { recent: published, since: axis[first].label };
    const at = breaks[breaks.length - 1];
    const recent = published.filter(({ number }) => number >= at);
    const start = axis[recent[0].number].label;
    const name = `the break in ${axis[at].label}`;
    return { recent, since: recent[0].number === at ? name : `${start}, after ${name}` };
  }

  /** The lowest and the highest of some published cells. */
  function findExtremes(cells) {
    const values = cells.map((cell) => cell.value);
    const find = (value) => cells.find((cell) => cell.value === value);
    return { lowest: find(Math.min(...values)), highest: find(Math.max(...values)) };
  }

  /** What a chart shows of one series, in a sentence or two. */
  function summariseSeries(series, axis, unit) {
    const all = listPublished(series.cells);
    const plain = all.filter(({ cell }) => !cell.notes).map(({ cell }) => cell.value);
    // A figure that is off the scale of the chart is in no range either: it is named with its note.
    const offScale = all.filter(({ cell }) => isOffScale(cell, plain));
    const aside = offScale
      .map(
        ({ cell, number }) => ` ${axis[number].label} (${formatWithUnit(cell, unit)}) is off the scale: see its note.`,
      )
      .join("");
    const onScale = all.filter((figure) => !offScale.includes(figure));
    if (!onScale.length) return `${series.label}:${aside}`;
    const { cell, number } = onScale[onScale.length - 1];
    const { recent, since } = selectSinceBreak(onScale, series, axis);
    const { lowest, highest } = findExtremes(recent.map((figure) => figure.cell));
    const range =
      recent.length > 2
        ? `, between ${formatWithUnit(lowest, unit)} and ${formatWithUnit(highest, unit)} since ${since}`
        : "";
    const { standard } = series;
    const status = standard ? ` (${standard.label}: ${formatStandardStatus(cell, standard.statuses[number])})` : "";
    const note = cell.notes ? " [note]" : "";
    return `${series.label}: ${formatWithUnit(cell, unit)} in ${axis[number].label}${note}${status}${range}.${aside}`;
  }

  /** What a chart shows, in a sentence or two. */
  function summarise(rows, axis, unit, areaName) {
    const withFigures = rows.filter((row) => listPublished(row.cells).length);
    if (!withFigures.length) return `No figure of this for ${areaName} in the files of this release.`;
    const sentences = withFigures.map((row) => summariseSeries(row, axis, unit));
    const suppressed = rows.flatMap((row) => row.cells).filter(isSuppressed).length;
    if (suppressed) sentences.push(`${formatCount(suppressed, "figure is", "figures are")} suppressed.`);
    return sentences.join(" ");
  }

  const DERIVED_NOTE =
    "These totals are built here: sums of rounded figures over the areas within. They may differ from other " +
    "publications; below each stands what the true total can be. Suppressed parts add nothing to a sum. Percentages " +
    "cannot be rebuilt from rounded counts, so there are none.";
  const STANDARD_NOTE =
    "Whether a standard was met is as the release says, not read off the whole percentage: England is judged at the " +
    "decimal that was published, so that a rate shown at the standard can have missed it. Elsewhere such a rate is " +
    "within rounding of it. A standard is set for everyone; for a group it is a line to compare with.";

  /** Notes below a chart: what is missing from it, totals built here, standards, and changes of a category. */
  function listNotes(axis, rows) {
    const isDrawn = rows.some((row) => listPublished(row.cells).length);
    const lineBreaks = isDrawn ? ", so the line breaks there" : "";
    const notes = axis
      .filter((period) => period.status === "not_published")
      .map((period) => `${period.label} was never published${lineBreaks}. ${period.reason}`);
    if (rows.some((row) => row.cells.some((cell) => cell && cell.isDerived))) notes.push(DERIVED_NOTE);
    if (rows.some((row) => row.standard)) notes.push(STANDARD_NOTE);
    const changed = rows.filter((row) => row.changeReason).map((row) => `[b] ${row.label}: ${row.changeReason}.`);
    return [...notes, ...new Set(changed)];
  }

  /** Notes that hold for every chart of a page: breaks in the series, and periods that are not held. */
  function renderSeriesNotes(axis, boundaryBreaks) {
    const notes = (boundaryBreaks || []).map(
      ({ first, reason }) => `[b] ${axis[first].label}: ${reason} ${NOT_COMPARABLE}`,
    );
    for (const period of axis.slice(1).filter(({ break_name: name }) => name)) {
      const end = period.breaks_sums ? ` ${NOT_COMPARABLE}` : "";
      notes.push(`[b] ${period.label}: ${period.break_name}. ${period.break_reason}${end}`);
    }
    if (axis.some((period) => period.status === "not_loaded")) {
      notes.push(
        "Periods that are not held in this release are hatched with upright lines: they may well be published.",
      );
    }
    if (!notes.length) return "";
    const heading = '<h2 id="series-heading">Notes on the series</h2>';
    return `<section aria-labelledby="series-heading">${heading}${renderList(notes)}</section>`;
  }

  // ---- charts and panels -------------------------------------------------------------------------------------------

  /** The first and the last period that are shown: from the first to the last figure, and every known gap. */
  function chooseAxisEnds(axis, rows) {
    const isShown = axis.map(
      (period, number) => period.status === "not_published" || rows.some((row) => row.cells[number]),
    );
    const first = isShown.indexOf(true);
    return first < 0 ? { first: 0, last: -1 } : { first, last: isShown.lastIndexOf(true) };
  }

  /** A series on a part of its axis: numbers become those of that part. */
  const trimSeries = (series, first, last) => ({
    ...series,
    cells: series.cells.slice(first, last + 1),
    breaks: (series.breaks || []).map((number) => number - first),
    standard: series.standard && {
      ...series.standard,
      statuses: series.standard.statuses.slice(first, last + 1),
    },
  });

  /** Rows of a table by period, the newest first; neighbouring periods that are not held share one. */
  function listPeriodRows(axis, series, figures, code) {
    const rows = [];
    const boundaryBreaks = figures ? listBoundaryBreaks(figures) : [];
    for (const period of axis.slice().reverse()) {
      const number = period.number - axis[0].number;
      const cells = series.map((one) => one.cells[number]);
      const previous = rows[rows.length - 1];
      if (period.status === "not_loaded" && cells.every((cell) => cell === null)) {
        if (previous && previous.span) previous.header = `${period.label} to ${previous.last}`;
        else rows.push({ header: period.label, last: period.label, span: "not held in this release" });
        continue;
      }
      rows.push({
        header: period.label,
        keys: [period.period, period.label],
        number,
        cells,
        hasBreak: number > 0 && (Boolean(period.break_name) || boundaryBreaks.includes(period.number)),
        remark: describeLevel(figures, period.number, code),
      });
    }
    return rows;
  }

  /**
   * A chart with the list of its lines; in a list, since beside a line on a phone its name would lie over figures.
   *
   * spec: that of drawLineChart, with { panel, label, caption, rows, last }: `panel` names the table that the chart is
   * read by, `rows` which rows of it up to which period (`last`), if not all.
   */
  function renderChart(spec) {
    const samples = [
      ...spec.series.map((series, order) => `<li>${drawSample(order)} ${escapeHtml(series.label)}</li>`),
      ...spec.standard.map((standard) => `<li>${STANDARD_SAMPLE} ${escapeHtml(standard.label)}</li>`),
    ];
    const rows = spec.rows ? ` data-rows="${escapeHtml(spec.rows.join(" "))}" data-last="${spec.last}"` : "";
    const caption = spec.caption ? `<figcaption>${escapeHtml(spec.caption)}</figcaption>` : "";
    return (
      `<figure class="chart" data-panel="${spec.panel}"${rows}>${caption}` +
      `<ul class="legend">${samples.join("")}</ul>` +
      `<div class="drawing" tabindex="0" role="region" aria-label="Chart: ${escapeHtml(spec.label)}">` +
      `${drawLineChart(spec)}</div></figure>`
    );
  }

  /**
   * A chart over periods with its summary, notes and table.
   *
   * spec: { id, title, area, orgs, report, figures, measures, unit, file, width, rows, hasChart }. A row is a series of
   * drawLineChart with { slug, head, changeReason }: what its column is called in the download and in the table.
   * `measures` are those whose standards are drawn; `figures` those of the one organisation, where there is one.
   */
  function renderLinePanel(spec) {
    const { noun } = iapt.site.reports[spec.report];
    const wholeAxis = getPeriods(spec.report);
    const { first, last } = chooseAxisEnds(wholeAxis, spec.rows);
    const axis = wholeAxis.slice(first, last + 1);
    const series = spec.rows.map((row) => trimSeries(row, first, last));
    const summary = summarise(series, axis, spec.unit, spec.area.name);
    const title = `${spec.title}, ${spec.area.name}`;
    const table = iapt.tables.renderTable({
      id: spec.id,
      caption: `${title} (${spec.unit})`,
      file: makeFileName(spec.file, spec.title),
      orgs: spec.orgs,
      corner: capitalise(noun),
      keys: ["period", "period_label"],
      columns: series.map((row) => ({
        label: row.head || row.label,
        slug: row.slug,
        standard: row.standard,
      })),
      rows: listPeriodRows(axis, series, spec.figures, spec.area.code),
    });
    const hasFigures = series.some((row) => listPublished(row.cells).length || row.cells.some(isSuppressed));
    const chart =
      hasFigures && spec.hasChart
        ? renderChart({
            id: spec.id,
            panel: spec.id,
            label: spec.title,
            title,
            description: summary,
            unit: spec.unit,
            axis,
            series,
            standard: spec.measures.flatMap((measure) => listStandards(measure, axis)),
            width: spec.width,
          })
        : "";
    return renderPanel(spec.id, spec.title, summary, `${chart}${table}${renderList(listNotes(axis, series))}`);
  }

  /** A part of a page under a heading, with its summary. */
  const renderPanel = (id, title, summary, body) =>
    `<section class="panel" aria-labelledby="${id}-heading"><h2 id="${id}-heading">${escapeHtml(title)}</h2>` +
    `<p class="summary">${escapeHtml(summary)}</p>${body}</section>`;

  iapt.panels = {
    NOT_COMPARABLE,
    capitalise,
    findExtremes,
    formatCount,
    formatUnit,
    joinWords,
    listBoundaryBreaks,
    listStandards,
    makeFileName,
    readStandard,
    renderAreaNote,
    renderChart,
    renderLinePanel,
    renderList,
    renderPanel,
    renderSeriesNotes,
    shortenHead,
    shortenName,
    summarise,
    trimSeries,
    getAreaName,
  };
}
