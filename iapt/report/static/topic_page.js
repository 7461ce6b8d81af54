// The page of a topic of a report: every chart of it for everyone, or one measure by the categories of a variable.
// A state that cannot be shown is corrected, and the correction is told. Pure functions, but for `update`.
"use strict";
{
  const { EVERYONE, getArea, getMeasure, getPeriods, getSeriesText, getTopic, getVariable, listVariables } =
    iapt.lookup;
  const { formatWithUnit, isHeld, isPublished, isSuppressed, listPublished, readCells } = iapt.cells;
  const { MAX_LINES } = iapt.lineChart;
  const { NOT_COMPARABLE, capitalise, findExtremes, formatCount, formatUnit, joinWords, listBoundaryBreaks } =
    iapt.panels;
  const { listStandards, makeFileName, readStandard, renderAreaNote, renderChart, renderLinePanel, renderList } =
    iapt.panels;
  const { renderPanel, renderSeriesNotes, shortenName, summarise, trimSeries } = iapt.panels;
  const CATEGORY_NAMES_SHOWN = 3;

  // ---- what can be chosen ------------------------------------------------------------------------------------------

  /** Whether an organisation has a figure of a measure, be it suppressed, by the categories of a variable. */
  const hasMeasure = (figures, variable, slug) =>
    variable.populations.some(({ key }) => /[\dc]/.test(getSeriesText(figures.series, key, slug)));

  const listMeasures = (topic, figures, variable) =>
    topic.measures.filter((slug) => hasMeasure(figures, variable, slug)).map(getMeasure);

  /** The periods of which some category of the chosen variable has a figure of a measure, the oldest first. */
  function listHeldPeriods(figures, state, measure) {
    const axis = getPeriods(state.report);
    const series = getVariable(state.by).populations.map(({ key }) => readCells(figures, key, measure, axis));
    return axis.filter((period) => series.some((cells) => isHeld(cells[period.number])));
  }

  /** What can be chosen for an organisation: variables; measures and periods, the newest first, of the chosen one. */
  function listChoices(state, figures) {
    const topic = getTopic(state.topic);
    const variables = listVariables(figures).filter((variable) => listMeasures(topic, figures, variable).length);
    const measures = state.by ? listMeasures(topic, figures, getVariable(state.by)) : [];
    const chosen = measures.find((measure) => measure.slug === state.measure);
    return {
      variables,
      measures,
      periods: chosen ? listHeldPeriods(figures, state, chosen).reverse() : [],
    };
  }

  /** The state of a topic page as it can be shown, and messages of what was corrected. */
  function correctState(asked, figures) {
    const state = { ...asked };
    const messages = [];
    const variable = getVariable(state.by);
    const name = (variable || { label: `“${state.by}”` }).label.toLowerCase();
    if (state.by && !listVariables(figures).includes(variable)) {
      messages.push(`There are no figures by ${name} for ${getArea(state.area).name} here: everyone is shown.`);
      state.by = "";
    }
    if (!state.by) return { state: { ...state, measure: "", period: "" }, messages };
    const measures = listMeasures(getTopic(state.topic), figures, variable);
    if (!measures.length) {
      messages.push(`No measure of this topic is published by ${name}: everyone is shown.`);
      return { state: { ...state, by: "", measure: "", period: "" }, messages };
    }
    let measure = measures.find((one) => one.slug === state.measure);
    if (!measure) {
      measure = measures.find((one) => one.unit === "%") || measures[0];
      const shown = `${measure.label.toLowerCase()} is shown.`;
      if (state.measure) messages.push(`“${state.measure}” is not published by ${name} here: ${shown}`);
      state.measure = measure.slug;
    }
    const held = listHeldPeriods(figures, state, measure);
    if (!held.some((period) => period.period === state.period)) {
      const newest = held[held.length - 1];
      if (state.period) messages.push(`There is no figure for “${state.period}”: ${newest.label} is shown.`);
      state.period = newest.period;
    }
    return { state, messages };
  }

  // ---- the view ----------------------------------------------------------------------------------------------------

  function draw(state, figures) {
    const topic = getTopic(state.topic);
    const area = getArea(state.area);
    const title = `${iapt.site.reports[state.report].title}: ${topic.title.toLowerCase()}, ${area.name}`;
    const panels = state.by ? drawVariable(state, figures, area) : drawTopic(state, figures, topic, area);
    return { title, html: `${renderAreaNote(area)}${panels}` };
  }

  /** The charts of a topic for everyone, each with its table, and a table of the measures without a chart. */
  function drawTopic(state, figures, topic, area) {
    const axis = getPeriods(state.report);
    const charted = topic.charts.flatMap((chart) => chart.measures);
    const rest = topic.measures.filter((slug) => !charted.includes(slug));
    const panels = topic.charts.map((chart) => ({ ...chart, hasChart: true }));
    if (rest.length) panels.push({ title: "The counts behind the percentages", measures: rest, hasChart: false });
    const drawn = panels.map((panel, order) =>
      renderLinePanel({
        ...panel,
        id: `panel-${order + 1}`,
        area,
        orgs: [area],
        report: state.report,
        figures,
        width: state.width,
        unit: getMeasure(panel.measures[0]).unit,
        file: `${state.report}-${area.id}`,
        rows: panel.measures.map(getMeasure).map((measure) => ({
          label: measure.label,
          short: measure.short,
          slug: measure.slug,
          cells: readCells(figures, EVERYONE, measure, axis),
          breaks: listBoundaryBreaks(figures),
          standard: readStandard(figures, EVERYONE, measure.slug),
        })),
      }),
    );
    return drawn.join("") + renderSeriesNotes(axis, figures.boundary_breaks);
  }

  /**
   * The categories of a variable that have figures of a measure, each with its cells and the number of its last
   * period: those of the newest period in their order, and those that ended.
   */
  function readCategories(figures, variable, measure, axis) {
    const categories = variable.populations
      .filter(({ key }) => figures.series[key])
      .map((population) => {
        const cells = readCells(figures, population.key, measure, axis);
        const from = axis.findIndex((period) => period.period === population.comparable_from);
        const breaks = [...listBoundaryBreaks(figures), ...(from > 0 ? [from] : [])];
        return { ...population, cells, breaks, last: cells.map(isHeld).lastIndexOf(true) };
      })
      .filter(({ last }) => last >= 0);
    const newest = Math.max(...categories.map(({ last }) => last));
    return {
      newest,
      current: categories.filter(({ last }) => last === newest),
      ended: categories.filter(({ last }) => last < newest),
    };
  }

  /** From the lowest to the highest category of the chosen period, which is the first column. */
  function summariseCategories(rows, period, unit) {
    const first = (row) => row.cells[0];
    const shown = rows.filter((row) => row.key !== EVERYONE && isPublished(first(row)) && !first(row).isImpossible);
    if (!shown.length) return `No category has a figure in ${period.label}.`;
    const { lowest, highest } = findExtremes(shown.map(first));
    const describe = (cell) => {
      const equal = shown.filter((row) => first(row).value === cell.value).map((row) => row.header.toLowerCase());
      return `${formatWithUnit(cell, unit)} (${joinWords(equal.slice(0, CATEGORY_NAMES_SHOWN))})`;
    };
    const suppressed = rows.filter((row) => isSuppressed(first(row))).length;
    const end = suppressed ? ` ${formatCount(suppressed, "category is", "categories are")} suppressed.` : "";
    return `${period.label}: from ${describe(lowest)} to ${describe(highest)}.${end}`;
  }

  /** One measure by the categories of a variable: as lines, and in a table whose chosen period has bars. */
  function drawVariable(state, figures, area) {
    const axis = getPeriods(state.report);
    const measure = getMeasure(state.measure);
    const variable = getVariable(state.by);
    const held = listHeldPeriods(figures, state, measure).reverse();
    const isChosen = (period) => period.period === state.period;
    const columns = [...held.filter(isChosen), ...held.filter((period) => !isChosen(period))];
    const { newest, current, ended } = readCategories(figures, variable, measure, axis);
    const everyone = {
      key: EVERYONE,
      label: "Everyone",
      cells: readCells(figures, EVERYONE, measure, axis),
      breaks: listBoundaryBreaks(figures),
      last: newest,
    };
    const rows = [everyone, ...current, ...ended]
      .map((category) => ({
        header: category.label,
        key: category.key,
        keys: [category.label],
        remark: category.last < newest ? `until ${axis[category.last].label}` : "",
        cells: columns.map((period) => category.cells[period.number]),
        reason: category.change_reason,
        breaks: columns.map(
          (period) => period.period === category.comparable_from && category.cells[period.number] !== null,
        ),
      }))
      .filter((row) => row.cells.some((cell) => cell !== null));
    const title = `${measure.label} by ${variable.label.toLowerCase()}`;
    const first = held[held.length - 1].number;
    const boundaryBreaks = listBoundaryBreaks(figures);
    const table = iapt.tables.renderTable({
      id: "panel-1",
      caption: `${title}, ${area.name}${formatUnit(measure.unit)}`,
      file: makeFileName(state.report, area.id, measure.slug, variable.type),
      orgs: [area],
      corner: variable.label,
      keys: ["population"],
      barColumn: 0,
      barEnd: measure.unit === "%" ? 100 : undefined,
      isSortable: true,
      columns: columns.map((period) => ({
        label: period.label,
        slug: `${measure.slug} ${period.period}`,
        number: period.number,
        hasBreak: period.number > first && (Boolean(period.break_name) || boundaryBreaks.includes(period.number)),
      })),
      rows,
    });
    const charts =
      held.length < 2
        ? ""
        : drawCategories({
            state,
            area,
            measure,
            title,
            axis,
            everyone,
            current,
            ended,
            first,
            newest,
          });
    const reasons = new Set(rows.filter((row) => row.breaks.some(Boolean)).map((row) => row.reason));
    const notes = [...reasons].map((reason) => `[b] ${reason}. ${NOT_COMPARABLE}`);
    if (ended.length) {
      notes.push("Categories that have ended stand after the current ones, each with its last period.");
    }
    if (measure.unit !== "%") {
      notes.push(
        "The bar of everyone and those of the categories have one scale. Categories may not add up to everyone: " +
          "each is rounded.",
      );
    }
    notes.push(
      "People whose category is not known are a category of their own. A difference between groups here is not " +
        "adjusted for anything else that differs between them.",
    );
    const isShown = (number) => number > first && number <= newest;
    const panel = renderPanel(
      "panel-1",
      title,
      summariseCategories(rows, columns[0], measure.unit),
      `${charts}${table}${renderList(notes)}`,
    );
    const shownAxis = axis.map((period) => (isShown(period.number) ? period : { ...period, break_name: "" }));
    const shownBreaks = (figures.boundary_breaks || []).filter((one) => isShown(one.first));
    return panel + renderSeriesNotes(shownAxis, shownBreaks);
  }

  /** Some categories in as many charts as marks can tell apart: as many lines in each, not a full one and a rest. */
  function splitIntoCharts(name, categories, maxLines) {
    const charts = Math.ceil(categories.length / maxLines);
    const size = Math.ceil(categories.length / charts);
    return Array.from({ length: charts }, (_, chart) => ({
      name,
      categories: categories.slice(chart * size, (chart + 1) * size),
    }));
  }

  /** Lines of the categories over the periods, of one scale: current categories first; everyone is beside rates. */
  function drawCategories({ state, area, measure, title, axis, everyone, current, ended, first, newest }) {
    const reference = measure.unit === "%" ? [everyone] : [];
    const maxLines = MAX_LINES - reference.length;
    const charts = [
      ...splitIntoCharts("", current, maxLines),
      ...splitIntoCharts("categories that ended", ended, maxLines),
    ];
    const span = [...reference, ...current, ...ended]
      .flatMap((category) => listPublished(category.cells.slice(first, newest + 1)))
      .filter(({ cell }) => !cell.notes)
      .map(({ cell }) => cell.value);
    return charts
      .map(({ name, categories }, order) => {
        const last = Math.max(...categories.map((category) => category.last));
        const shownAxis = axis.slice(first, last + 1);
        const lines = [...reference, ...categories];
        const series = lines.map((category) => ({
          ...trimSeries(category, first, last),
          short: shortenName(category.key, category.label),
        }));
        const position = charts.length > 1 ? `chart ${order + 1} of ${charts.length}` : "";
        const label = [title, name, position].filter(Boolean).join(", ");
        return renderChart({
          id: `panel-1-chart-${order + 1}`,
          panel: "panel-1",
          rows: lines.map((category) => category.key),
          last,
          label,
          title: `${label}, ${area.name}`,
          description: summarise(series, shownAxis, measure.unit, area.name),
          unit: measure.unit,
          axis: shownAxis,
          series,
          standard: listStandards(measure.slug, shownAxis),
          span,
          width: state.width,
          caption: position && capitalise([name, position].filter(Boolean).join(", ")),
        });
      })
      .join("");
  }

  // ---- in a browser ------------------------------------------------------------------------------------------------

  /** Show what the address asks for; returns the title of what is shown. */
  async function update(controls, replace) {
    const { page, form } = controls;
    await controls.load("site");
    const messages = [];
    const area = controls.chooseArea(page.report, messages);
    const figures = await controls.load(`${page.report}/${area}`);
    const query = controls.readQuery();
    const asked = { report: page.report, topic: page.topic, area, width: controls.chooseWidth() };
    for (const name of ["by", "measure", "period"]) asked[name] = query.get(name) || "";
    const { state, messages: corrections } = correctState(asked, figures);
    const choices = listChoices(state, figures);
    controls.fillAreas(page.report, area);
    const variables = choices.variables.map((variable) => [variable.type, variable.label]);
    controls.fillSelect(form.elements.by, [["", "Everyone, by period"], ...variables], state.by);
    controls.fillSelect(
      form.elements.measure,
      choices.measures.map(({ slug, label }) => [slug, label]),
      state.measure,
    );
    controls.fillSelect(
      form.elements.period,
      choices.periods.map(({ period, label }) => [period, label]),
      state.period,
    );
    controls.setHidden("by-field", !choices.variables.length);
    controls.setHidden("measure-field", !state.by);
    controls.setHidden("period-field", !state.by);
    const chosen = state.by
      ? [
          ["measure", state.measure],
          ["period", state.period],
        ]
      : [];
    controls.remember([["org", area === page.area ? "" : area], ["by", state.by], ...chosen], replace);
    const view = draw(state, figures);
    controls.show(view);
    controls.showMessages([...messages, ...corrections]);
    return view.title;
  }

  /** The first view of a page: that of the build. */
  function build(asked, figures) {
    const { state } = correctState(asked, figures);
    return { ...draw(state, figures), state };
  }

  /** What stays chosen where one choice changes: another variable has its own measures and periods. */
  const listKeptValues = (query, changed, read) =>
    (changed === "by" ? ["by"] : ["by", "measure", "period"]).map((name) => [name, read(name)]);

  iapt.pages.topic = { build, listKeptValues, update };
}
