// The map of the integrated care boards, with its table. Pure functions, but for `update`.
"use strict";
{
  const { EVERYONE, getMeasure, getPeriods, getSeriesText } = iapt.lookup;
  const { addNotes, escapeHtml, formatWithUnit, isHeld, isPublished, parseSeries } = iapt.cells;
  const { findExtremes, formatCount, formatUnit, joinWords, makeFileName, renderList } = iapt.panels;
  const { drawBoundaryMap, drawTileMap } = iapt.mapChart;
  const CORNER = "Integrated care board";
  const TILE_NOTE =
    "A tile is an integrated care board of July 2022 to March 2026; its place is schematic, so that each has the " +
    "same size. Do not read a rank into small differences: figures are rounded, and areas differ in whom they serve.";
  const DERIVED_NOTE =
    "Totals of boards by month are built here: sums of rounded figures over the areas within. They may differ from " +
    "other publications.";

  // ---- what can be chosen ------------------------------------------------------------------------------------------

  /** Which periods of a report can be on the map, the newest first: those in which enough of its areas have a row. */
  function listPeriods(report, measure, data) {
    const axis = getPeriods(report);
    const series = Object.keys(data.series).map((id) => parseSeries(getSeriesText(data.series, id, measure), axis));
    const countHeld = (number) => series.filter((cells) => isHeld(cells[number])).length;
    return axis.filter(({ number }) => countHeld(number) >= iapt.site.map.min_areas).reverse();
  }

  const listMeasures = (report, data) =>
    iapt.site.measures.filter(({ slug }) => listPeriods(report, slug, data).length);

  /** The state of a map as it can be shown, and messages of what was corrected. */
  function correctState(asked, data) {
    const state = { ...asked };
    const messages = [];
    const offered = listMeasures(state.report, data);
    if (!offered.length) return { state: { ...state, measure: "", period: "" }, messages };
    if (!offered.some(({ slug }) => slug === state.measure)) {
      const measure = offered.find(({ slug }) => slug === iapt.site.map.measure) || offered[0];
      if (asked.measure && asked.measure !== iapt.site.map.measure) {
        messages.push(`“${asked.measure}” is not on this map: ${measure.label.toLowerCase()} is shown.`);
      }
      state.measure = measure.slug;
    }
    const periods = listPeriods(state.report, state.measure, data);
    if (!periods.some(({ period }) => period === state.period)) {
      if (state.period) messages.push(`“${state.period}” is not on this map: ${periods[0].label} is shown.`);
      state.period = periods[0].period;
    }
    return { state, messages };
  }

  // ---- the view ----------------------------------------------------------------------------------------------------

  /** Why the map opens at a period that is not the newest of the report; an empty text where it is. */
  function explainLaterPeriods(state, data) {
    const [newest] = listPeriods(state.report, state.measure, data);
    const later = getPeriods(state.report).filter(
      ({ number, status }) => number > newest.number && status === "published",
    );
    if (!later.length) return "";
    const last = later[later.length - 1];
    const range = later.length === 1 ? last.label : `${later[0].label} to ${last.label}`;
    return (
      `The newest ${iapt.site.reports[state.report].noun} that this map can show is ${newest.label}. For ${range}, ` +
      `fewer than ${iapt.site.map.min_areas} boards have a complete figure of this measure in the files of this ` +
      "release."
    );
  }

  /** The cell of an area on the map; null where it has no series. */
  function readCell(id, measure, axis, number, data) {
    if (!data.series[id]) return null;
    const cells = parseSeries(getSeriesText(data.series, id, measure.slug), axis);
    return addNotes(cells, measure, EVERYONE, data.notes[id], axis)[number];
  }

  /** From the lowest to the highest board, and how many have no figure. */
  function summarise(tiles, known, unit) {
    if (!known.length) return "No board has a figure.";
    const { lowest, highest } = findExtremes(known.map((tile) => tile.cell));
    const range = `Between ${formatWithUnit(lowest, unit)} and ${formatWithUnit(highest, unit)}`;
    const without = tiles.length - known.length;
    const end = without ? ` ${formatCount(without, "board has", "boards have")} no figure.` : "";
    return `${range} over ${formatCount(known.length, "board", "boards")}.${end}`;
  }

  function draw(state, data) {
    const { noun } = iapt.site.reports[state.report];
    if (!state.measure) {
      const html = "<p>No figures of integrated care boards are held for this report.</p>";
      return { title: `Map, ${noun}s`, html };
    }
    const axis = getPeriods(state.report);
    const measure = getMeasure(state.measure);
    const period = axis.find((one) => one.period === state.period);
    const tiles = iapt.site.map.tiles.map((tile) => {
      const id = `icb-${tile.code}`;
      const cell = readCell(id, measure, axis, period.number, data);
      return { ...tile, id, cell, href: `../organisations/${id}.html` };
    });
    const known = tiles.filter(({ cell }) => isPublished(cell) && !cell.isImpossible);
    const title = `${measure.label}, ${period.label}`;
    const summary = summarise(tiles, known, measure.unit);
    const spec = {
      id: "map",
      title: `Map of ${title}`,
      description: summary,
      unit: measure.unit,
      tiles,
    };
    const shapes = iapt.data.boundaries;
    const boundaries = shapes
      ? `<figure class="map"><figcaption>Real boundaries. ${escapeHtml(shapes.notice)}</figcaption>` +
        `${drawBoundaryMap({ ...spec, id: "shapes", shapes })}</figure>`
      : "";
    const table = iapt.tables.renderTable({
      id: "map-table",
      caption: `${title}${formatUnit(measure.unit)}, by board`,
      file: makeFileName("map", state.report, measure.slug, period.period),
      corner: CORNER,
      keys: ["org_code", "org_name"],
      columns: [{ label: measure.label, slug: measure.slug }],
      barColumn: 0,
      barEnd: measure.unit === "%" ? 100 : undefined,
      isSortable: true,
      rows: tiles
        .slice()
        .sort((one, other) => (one.name < other.name ? -1 : 1))
        .map(({ name, code, href, cell }) => ({
          header: name,
          href,
          keys: [code, name],
          cells: [cell],
        })),
    });
    const later = explainLaterPeriods(state, data);
    return {
      title: `Map: ${title}`,
      html:
        `<section class="panel" aria-labelledby="map-heading"><h2 id="map-heading">${escapeHtml(title)}</h2>` +
        `<p class="summary">${escapeHtml(summary)}</p>${later ? `<p>${escapeHtml(later)}</p>` : ""}` +
        '<div class="maps"><figure class="map"><figcaption>One tile a board: choose one for its figures.</figcaption>' +
        `${drawTileMap(spec)}</figure>${boundaries}<div class="map-table">${table}</div></div>` +
        `${renderList(listNotes(tiles, known, period, data))}</section>`,
    };
  }

  function listNotes(tiles, known, period, data) {
    const notes = [TILE_NOTE];
    const elsewhere = tiles.filter(({ id }) => (data.other_boundaries[id] || []).includes(period.number));
    if (elsewhere.length) {
      notes.push(
        `Not on the map, since their figures of ${period.label} are of other boundaries than those of the tiles: ` +
          `${joinWords(elsewhere.map(({ name }) => name))}. Those figures are on the pages of the boards.`,
      );
    }
    if (known.some(({ cell }) => cell.isDerived)) notes.push(DERIVED_NOTE);
    return notes;
  }

  /** Show what the address asks for; returns the title of what is shown. */
  async function update(controls, replace) {
    const { page, form } = controls;
    const { report } = page;
    await controls.load("site");
    const data = await controls.load(`map/${report}`);
    if (page.boundaries) await controls.load("boundaries");
    const query = controls.readQuery();
    const asked = {
      report,
      measure: query.get("measure") || "",
      period: query.get("period") || "",
    };
    const { state, messages } = correctState(asked, data);
    const measures = listMeasures(report, data).map(({ slug, label }) => [slug, label]);
    const periods = state.measure ? listPeriods(report, state.measure, data) : [];
    controls.fillSelect(form.elements.measure, measures, state.measure);
    controls.fillSelect(
      form.elements.period,
      periods.map(({ period, label }) => [period, label]),
      state.period,
    );
    const usual = correctState({ report, measure: "", period: "" }, data).state;
    const isUsual = usual.measure === state.measure && usual.period === state.period;
    controls.remember(
      isUsual
        ? []
        : [
            ["measure", state.measure],
            ["period", state.period],
          ],
      replace,
    );
    const view = draw(state, data);
    controls.show(view);
    controls.showMessages(messages);
    return view.title;
  }

  /** The first view of a page: that of the build. */
  function build(asked, data) {
    const { state } = correctState(asked, data);
    return { ...draw(state, data), state };
  }

  const listKeptValues = (query, changed, read) => ["measure", "period"].map((name) => [name, read(name)]);

  iapt.pages.map = { build, listKeptValues, update };
}
