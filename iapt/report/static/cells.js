// What a figure is and how it is written: cells of a series, markers, numbers. No markup of a page here.
"use strict";
{
  const { getSeriesText } = iapt.lookup;
  const MARKERS = { suppressed: "[c]", not_published: "[x]", not_applicable: "[z]" };
  const STATUSES = { c: "suppressed", x: "not_published", z: "not_applicable" };
  const MEANINGS = {
    "[c]": "suppressed: the true count is 0 to 4, or the figure rests on such a count. It is not zero.",
    "[x]": "never published.",
    "[z]": "does not apply here.",
    "[note]": "a remark on this figure stands below.",
    "–": "no figure in the files of this release.",
    "[b]": "a change in the series; where the line of a chart breaks too, figures before and after are not comparable.",
  };
  /** How a figure stands to a national standard, as the release says: a rate shown as 50 can have missed 50. */
  const STANDARD_STATUSES = {
    met: "met",
    missed: "missed",
    ambiguous: "within rounding of the standard",
  };
  const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
  /** The first services opened in October 2008: no wait for one can have begun before. */
  const FIRST_SERVICES = Date.UTC(2008, 9, 1);

  const isPublished = (cell) => Boolean(cell) && cell.status === "published";
  const isSuppressed = (cell) => Boolean(cell) && cell.status === "suppressed";
  /** Whether the release has a row here that is no known gap. */
  const isHeld = (cell) => Boolean(cell) && cell.status !== "not_published";

  /** One cell from its text in a data file: null where the release has no row. */
  function parseCell(text) {
    if (!text) return null;
    if (STATUSES[text]) return { status: STATUSES[text] };
    const [value, lower, upper, suppressedParts] = text.split("~");
    const cell = { status: "published", value: Number(value), text: value };
    if (lower === undefined) return cell;
    return {
      ...cell,
      isDerived: true,
      lower: Number(lower),
      upper: Number(upper),
      suppressedParts: Number(suppressedParts),
    };
  }

  /** The cells of a series over an axis. A known gap of the calendar is one in every series that has no row there. */
  function parseSeries(text, axis) {
    const texts = text.split(",");
    return axis.map((period, number) => {
      const cell = parseCell(texts[number]);
      return cell || (period.status === "not_published" ? { status: "not_published" } : null);
    });
  }

  /** Why a figure cannot be true, by what its measure is; an empty text where it can be. */
  function explainImpossible(cell, unit, period) {
    // A year more than the start of a period is after its end.
    const longestWait = (Date.parse(period.start) - FIRST_SERVICES) / DAY_MILLISECONDS + 366;
    let fault = "";
    if (unit === "days" && cell.value > longestWait) fault = "A wait longer than the services have existed";
    if (unit === "%" && cell.value > 100) fault = "A percentage above 100%";
    if (cell.value < 0) fault = "A figure below zero";
    return fault && `${fault} cannot be true: ${formatValue(cell)} is shown as published.`;
  }

  /** The cells of a series with what is to be said of them: notes of the release, and why one cannot be true. */
  function addNotes(cells, measure, population, notes, axis) {
    cells.forEach((cell, number) => {
      const reason = isPublished(cell) ? explainImpossible(cell, measure.unit, axis[number]) : "";
      if (reason) Object.assign(cell, { isImpossible: true, notes: [reason] });
    });
    for (const note of notes || []) {
      const cell = cells[note.period];
      if (note.population !== population || note.measure !== measure.slug || !isPublished(cell)) continue;
      const { text, source } = iapt.site.notes[note.note];
      cell.notes = [...(cell.notes || []), `${text} Source: ${source}.`];
    }
    return cells;
  }

  /** The cells of a measure of one population of an organisation, with their notes. */
  const readCells = (figures, population, measure, axis) =>
    addNotes(
      parseSeries(getSeriesText(figures.series, population, measure.slug), axis),
      measure,
      population,
      figures.notes,
      axis,
    );

  /** The published cells of a series, each with its number. */
  const listPublished = (cells) =>
    cells.map((cell, number) => ({ cell, number })).filter(({ cell }) => isPublished(cell));

  /** Whether a figure with a note is far from all others, or cannot be true: it is not drawn as one of them. */
  const isOffScale = (cell, others) =>
    Boolean(cell.notes) && (Boolean(cell.isImpossible) || (others.length > 0 && cell.value > 2 * Math.max(...others)));

  const groupThousands = (digits) => String(digits).replace(/\B(?=(\d{3})+$)/g, ",");

  /** A published figure for people: thousands grouped, a mean with its decimal. */
  function formatValue(cell) {
    const [whole, decimals] = cell.text.split(".");
    return groupThousands(whole) + (decimals === undefined ? "" : `.${decimals}`);
  }

  /** What stands in a table: the figure or its marker, and never a 0 for a blank. */
  function formatCell(cell) {
    if (!cell) return "–";
    return isPublished(cell) ? formatValue(cell) : MARKERS[cell.status];
  }

  const UNIT_SUFFIXES = { "%": "%", days: " days" };
  const formatWithUnit = (cell, unit) => formatValue(cell) + (UNIT_SUFFIXES[unit] || "");

  /** A cell in words beside a drawing: its figure with unit and mark of a note, or its marker. */
  const describeCell = (cell, unit) =>
    isPublished(cell) ? formatWithUnit(cell, unit) + (cell.notes ? " [note]" : "") : formatCell(cell);

  /** What stands beside a figure in the column of a standard: its own marker where there is no figure to assess. */
  const formatStandardStatus = (cell, status) =>
    isPublished(cell) ? STANDARD_STATUSES[status] || "not judged" : formatCell(cell);

  const escapeHtml = (text) => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

  iapt.cells = {
    MARKERS,
    MEANINGS,
    addNotes,
    describeCell,
    escapeHtml,
    formatCell,
    formatStandardStatus,
    formatValue,
    formatWithUnit,
    groupThousands,
    isHeld,
    isOffScale,
    isPublished,
    isSuppressed,
    listPublished,
    parseSeries,
    readCells,
  };
}
