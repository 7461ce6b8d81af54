// The page of an organisation that needs no choosing: its newest figures of each report and of each variable.
// Drawn when the site is built; a browser only reads it. Pure functions.
"use strict";
{
  const { EVERYONE, getArea, getMeasure, getPeriods, listVariables } = iapt.lookup;
  const { escapeHtml, isHeld, readCells } = iapt.cells;
  const { makeFileName, renderAreaNote } = iapt.panels;
  /** How many of the newest periods the table of everyone shows. */
  const PERIODS_SHOWN = 6;
  /** What is said of the categories of a variable: the newest period that has any. */
  const CATEGORY_MEASURES = [
    "count_finished_course_treatment",
    "percentage_recovery",
    "percentage_reliable_improvement",
    "percentage_reliable_recovery",
  ];

  const isFilled = (row) => row.cells.some((cell) => cell !== null);

  function draw(id, figuresOf) {
    const area = getArea(id);
    const sections = area.reports.map((report) => drawReport(area, report, figuresOf[report]));
    return { title: area.name, html: `${renderAreaNote(area)}${sections.join("")}` };
  }

  function drawReport(area, report, figures) {
    const { title } = iapt.site.reports[report];
    const axis = getPeriods(report);
    const links = iapt.site.topics.map((topic) => {
      const address = `../${report}/${topic.slug}.html?org=${encodeURIComponent(area.id)}`;
      const whose = `<span class="vh">, ${escapeHtml(title.toLowerCase())}</span>`;
      return `<a href="${address}">${escapeHtml(topic.title)}${whose}</a>`;
    });
    const variables = report === "monthly" ? [] : listVariables(figures);
    const parts = [
      `<p class="onward">Charts and every period: ${links.join(", ")}.</p>`,
      drawEveryone(area, report, figures, axis),
      drawRemarks(figures, axis),
      ...variables.map((variable) => drawVariable(area, report, figures, axis, variable)),
    ];
    const heading = `<h2 id="${report}-heading">${escapeHtml(title)}</h2>`;
    return `<section class="panel" aria-labelledby="${report}-heading">${heading}${parts.join("")}</section>`;
  }

  /** Remarks on figures of measures that no page shows: they are in the tables of the release. */
  function drawRemarks(figures, axis) {
    const items = (figures.remarks || []).map(({ period, name, note }) => {
      const { text, source } = iapt.site.notes[note];
      const whose = `${axis[period].label}, ${name} (in the tables of the release alone)`;
      return `<li><span class="mark">[note]</span> ${escapeHtml(`${whose}: ${text} Source: ${source}.`)}</li>`;
    });
    return items.length ? `<ul class="notes remarks">${items.join("")}</ul>` : "";
  }

  /** The newest periods of every measure, for everyone. */
  function drawEveryone(area, report, figures, axis) {
    const series = iapt.site.measures.map((measure) => ({
      measure,
      cells: readCells(figures, EVERYONE, measure, axis),
    }));
    const isShown = ({ number, status }) =>
      status !== "not_published" && series.some(({ cells }) => cells[number] !== null);
    const periods = axis.filter(isShown).slice(-PERIODS_SHOWN).reverse();
    if (!periods.length) return "";
    const unit = ({ measure }) => (measure.unit === "%" && !measure.label.includes("%") ? " (%)" : "");
    return iapt.tables.renderTable({
      id: `${report}-everyone`,
      caption: `Newest figures by ${iapt.site.reports[report].noun}, everyone, ${area.name}`,
      file: makeFileName(report, area.id),
      corner: "Measure",
      orgs: [area],
      keys: ["measure"],
      columns: periods.map((period) => ({
        label: `${period.label}${period.break_name ? " [b]" : ""}`,
        slug: period.period,
      })),
      rows: series
        .map((one) => ({
          header: one.measure.label + unit(one),
          keys: [one.measure.slug],
          cells: periods.map((period) => one.cells[period.number]),
        }))
        .filter(isFilled),
    });
  }

  /** The newest period of the categories of a variable; an empty text where none has any. */
  function drawVariable(area, report, figures, axis, variable) {
    const measures = CATEGORY_MEASURES.map(getMeasure);
    const categories = variable.populations.map((population) => ({
      label: population.label,
      series: measures.map((measure) => readCells(figures, population.key, measure, axis)),
    }));
    const hasAny = (period) => categories.some(({ series }) => series.some((cells) => isHeld(cells[period.number])));
    const newest = axis.filter(hasAny).pop();
    if (!newest) return "";
    return iapt.tables.renderTable({
      id: `${report}-${variable.type}`,
      caption: `${variable.label}, ${newest.label}, ${area.name}`,
      file: makeFileName(report, area.id, variable.type, newest.period),
      corner: variable.label,
      orgs: [area],
      keys: ["population"],
      columns: measures.map(({ label, slug }) => ({ label, slug })),
      rows: categories
        .map(({ label, series }) => ({
          header: label,
          keys: [label],
          cells: series.map((cells) => cells[newest.number]),
        }))
        .filter(isFilled),
    });
  }

  iapt.pages.area = {
    build: (asked, figuresOf) => ({ ...draw(asked.area, figuresOf), state: asked }),
  };
}
