// What a figure is and how it is written: cells, periods, the words for what is missing. No markup of a page here.
"use strict";
globalThis.iapt = {};
iapt.data = {};
iapt.receive = function (name, data) {
  if (name === "site") iapt.site = data;
  else iapt.data[name] = data;
};

{
  const MARKERS = { suppressed: "[c]", not_published: "[x]", not_applicable: "[z]" };
  const LETTERS = { c: "suppressed", x: "not_published", z: "not_applicable" };
  const MEANINGS = {
    "[c]": "suppressed: the true count is 0 to 4, or the figure rests on such a count. It is not zero.",
    "[x]": "never published.",
    "[z]": "does not apply here.",
    "[note]": "a remark on this figure stands below.",
    "–": "no figure in the files of this release.",
    "[b]": "a change in the series; where the line of a chart breaks too, figures before and after are not comparable.",
  };

  // How a figure stands to a national standard, as the release says: a rate shown as 50 can have missed 50.
  const STANDINGS = { met: "met", missed: "missed", ambiguous: "within rounding of the standard" };

  /** One cell of a series, from its text in a data file. `null` where the release has no row. */
  function cell(text) {
    if (!text) return null;
    if (LETTERS[text]) return { status: LETTERS[text] };
    const parts = text.split("~");
    const read = { status: "published", value: Number(parts[0]), text: parts[0] };
    if (parts.length > 1) {
      read.derived = true;
      read.least = Number(parts[1]);
      read.most = Number(parts[2]);
      read.hidden = Number(parts[3]);
    }
    return read;
  }

  /** The cells of a series over an axis. A known gap of the calendar is one in every series that has no row there. */
  function series(text, periods) {
    const parts = (text || "").split(",");
    return periods.map((period, number) => {
      const read = cell(parts[number]);
      return read || (period.status === "not_published" ? { status: "not_published" } : null);
    });
  }

  const DAY = 24 * 60 * 60 * 1000;
  /** The first services opened in October 2008: no wait for one can have begun before. */
  const FIRST_SERVICES = Date.UTC(2008, 9, 1);

  /** Why a figure cannot be true, by what its measure is; nothing where it can be. */
  function impossible(read, unit, period) {
    if (read.value < 0) return `Less than nothing cannot be: ${shown(read)} is shown as published.`;
    if (unit === "%" && read.value > 100) return `More than 100% cannot be: ${shown(read)} is shown as published.`;
    // A year more than the start of a period is after its end.
    const most = (Date.parse(period.start) - FIRST_SERVICES) / DAY + 366;
    if (unit === "days" && read.value > most)
      return `A wait longer than the services have existed cannot be: ${shown(read)} is shown as published.`;
    return "";
  }

  /** The cells of a series with what is to be said of them: notes of the release, and why one cannot be. */
  function remarked(cells, one, key, figures, axis) {
    cells.forEach((read, at) => {
      const why = read && read.status === "published" ? impossible(read, one.unit, axis[at]) : "";
      if (why) Object.assign(read, { impossible: true, notes: [why] });
    });
    for (const [population, measure, at, note] of figures.notes || []) {
      const read = cells[at];
      if (population !== key || measure !== one.slug || !read || read.status !== "published") continue;
      const [text, source] = iapt.site.notes[note];
      read.notes = [...(read.notes || []), `${text} Source: ${source}.`];
    }
    return cells;
  }

  /** What stands beside a figure in the column of a standard: its own marker where there is no figure to judge. */
  const standing = (read, word) =>
    read && read.status === "published" ? STANDINGS[word] || "not judged" : written(read);

  /** The periods of a report as objects. */
  function periods(report) {
    return iapt.site.reports[report].periods.map((fields, number) => ({
      number,
      period: fields[0],
      label: fields[1],
      start: fields[2],
      status: fields[3],
      reason: fields[4],
      breakName: fields[5],
      breakReason: fields[6],
      cuts: fields[7],
    }));
  }

  const measure = (number) => {
    const fields = iapt.site.measures[number];
    return { number, slug: fields[0], label: fields[1], short: fields[2], unit: fields[3], statistic: fields[4] };
  };

  const area = (id) => {
    const fields = iapt.site.areas.find((one) => one[0] === id);
    if (!fields) return null;
    return {
      id: fields[0],
      family: fields[1],
      name: fields[2],
      code: fields[3],
      note: fields[4],
      reports: fields[5],
      ended: fields[6] || "",
      before: fields[7] || [],
      after: fields[8] || [],
    };
  };

  /** A figure with a note that would stand outside of what the others span, or cannot be: it is not drawn as one of them. */
  function offTheScale(read, others) {
    if (!read.notes) return false;
    return Boolean(read.impossible) || (others.length > 0 && read.value > 2 * Math.max(...others));
  }

  const grouped = (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ",");

  /** A published figure for people: thousands grouped, a mean with its decimal. */
  function shown(read) {
    const [whole, decimals] = read.text.split(".");
    return grouped(whole) + (decimals === undefined ? "" : "." + decimals);
  }

  /** What stands in a table: the figure or its marker, and never a 0 for a blank. */
  const written = (read) => (read === null ? "–" : read.status === "published" ? shown(read) : MARKERS[read.status]);

  const withUnit = (read, unit) => shown(read) + (unit === "%" ? "%" : unit === "days" ? " days" : "");

  const escape = (text) => String(text).replace(/[&<>"']/g, (found) => "&#" + found.charCodeAt(0) + ";");

  iapt.figures = {
    remarked,
    offTheScale,
    series,
    periods,
    measure,
    area,
    shown,
    written,
    withUnit,
    standing,
    grouped,
    escape,
    MARKERS,
    MEANINGS,
  };
}
