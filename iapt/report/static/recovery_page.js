// The recovery rate of an organisation beside other populations or areas, and the newest rates of every board.
// The limits of a comparison hold for addresses too. Pure functions, but for those below "in a browser".
"use strict";
{
  const { EVERYONE, getArea, getMeasure, getPeriods, getPopulation, getSeriesText, getVariable } = iapt.lookup;
  const { escapeHtml, isHeld, readCells } = iapt.cells;
  const { getAreaName, joinWords, listBoundaryBreaks, makeFileName, readStandard, renderAreaNote } = iapt.panels;
  const { renderLinePanel, renderSeriesNotes, shortenHead, shortenName } = iapt.panels;
  /** The kinds of organisations that can be compared. */
  const COMPARED_FAMILIES = ["england", "icb"];
  /** What the name of a board begins and ends with, which does not fit beside a line. */
  const AFFIXES = /^NHS | Integrated Care Board$| STP$/g;

  const getRate = () => getMeasure(iapt.site.recovery.measure);

  /** The populations of which an organisation has recovery rates. */
  function listPopulations(figures) {
    const variables = iapt.site.recovery.variables.map(getVariable).filter(Boolean);
    return variables
      .flatMap((variable) => variable.populations)
      .filter(({ key }) => /[\dc]/.test(getSeriesText(figures.series, key, iapt.site.recovery.measure)));
  }

  /** Which populations are shown beside everyone where nothing is chosen: those of the first variable. */
  const listDefaultPopulations = (figures) =>
    listPopulations(figures)
      .map(({ key }) => key)
      .filter((key) => key.startsWith(`${iapt.site.recovery.variables[0]}/`) && !key.endsWith("/not_stated"));

  const isComparable = (area, report) => area.reports.includes(report) && COMPARED_FAMILIES.includes(area.family);

  /** The state of a recovery page as it can be shown, and messages of what was corrected. */
  function correctState(asked, figures) {
    const { max_populations: maxPopulations, max_areas: maxAreas } = iapt.site.recovery;
    const messages = [];
    const offered = listPopulations(figures).map(({ key }) => key);
    let populations = [...new Set(asked.populations)];
    const unknown = populations.filter((key) => !offered.includes(key));
    if (unknown.length) {
      const names = unknown.map((key) => (getPopulation(key) || { label: `“${key}”` }).label);
      messages.push(`There is no recovery rate here for ${joinWords(names)}: left out.`);
      populations = populations.filter((key) => offered.includes(key));
    }
    let areas = [...new Set(asked.areas)];
    const unknownAreas = areas.filter((id) => !getArea(id) || !isComparable(getArea(id), asked.report));
    if (unknownAreas.length) {
      messages.push(`There are no figures here for ${joinWords(unknownAreas.map(getAreaName))}: left out.`);
    }
    areas = areas.filter((id) => !unknownAreas.includes(id) && id !== asked.area);
    if (areas.length && populations.length) {
      messages.push("Compare populations or areas, not both at once: the areas are shown, for everyone.");
      populations = [];
    }
    const limit = (items, most, name) => {
      if (items.length > most) {
        messages.push(`At most ${most} other ${name} can be compared: the first ${most} are shown.`);
      }
      return items.slice(0, most);
    };
    populations = limit(populations, maxPopulations, "populations");
    areas = limit(areas, maxAreas, "areas");
    return { state: { ...asked, populations, areas }, messages };
  }

  // ---- the views ---------------------------------------------------------------------------------------------------

  /** Everyone of an area, as a series of the chart. */
  function makeAreaSeries(area, figures, axis, isCompared) {
    const { slug } = getRate();
    return {
      label: isCompared ? area.name : "Everyone",
      short: isCompared ? shortenName(area.id, area.name.replace(AFFIXES, "")) : "Everyone",
      slug: isCompared ? `${slug} ${area.id}` : slug,
      cells: readCells(figures, EVERYONE, getRate(), axis),
      breaks: listBoundaryBreaks(figures),
      standard: readStandard(figures, EVERYONE, slug),
    };
  }

  /** A population of an area, as a series of the chart. */
  function makePopulationSeries(key, figures, axis) {
    const { slug } = getRate();
    const population = getPopulation(key);
    const from = axis.findIndex((period) => period.period === population.comparable_from);
    return {
      label: population.label,
      head: shortenHead(population.label),
      short: shortenName(key, population.label),
      slug: `${slug} ${key}`,
      changeReason: from > 0 ? population.change_reason : "",
      cells: readCells(figures, key, getRate(), axis),
      breaks: [...listBoundaryBreaks(figures), ...(from > 0 ? [from] : [])],
      standard: readStandard(figures, key, slug),
    };
  }

  /** The view of a state; `figuresOf` holds the figures of its area and of those compared with it. */
  function draw(state, figuresOf) {
    const axis = getPeriods(state.report);
    const { noun } = iapt.site.reports[state.report];
    const figures = figuresOf[state.area];
    const [area, ...others] = [state.area, ...state.areas].map(getArea);
    const isCompared = others.length > 0;
    const panel = renderLinePanel({
      id: "panel-1",
      title: `Recovery rate by ${noun}`,
      area,
      orgs: [area, ...others],
      report: state.report,
      figures: isCompared ? null : figures,
      width: state.width,
      unit: "%",
      file: `recovery-rate-${state.report}-${area.id}`,
      measures: [iapt.site.recovery.measure],
      hasChart: true,
      rows: [
        ...[area, ...others].map((one) => makeAreaSeries(one, figuresOf[one.id], axis, isCompared)),
        ...state.populations.map((key) => makePopulationSeries(key, figures, axis)),
      ],
    });
    const notes = renderSeriesNotes(axis, figures.boundary_breaks);
    return {
      title: `Recovery rate, ${area.name}, by ${noun}`,
      html: `${renderAreaNote(area)}${panel}${notes}`,
    };
  }

  /** Every board in the newest period that has figures: everyone and the usual populations. */
  function drawBoards(report, figuresOf) {
    const axis = getPeriods(report);
    const ids = Object.keys(figuresOf);
    const read = (id, key) => readCells(figuresOf[id], key, getRate(), axis);
    const everyone = ids.map((id) => read(id, EVERYONE));
    const newest = axis.filter((period) => everyone.some((cells) => isHeld(cells[period.number]))).pop();
    if (!newest) {
      const { noun } = iapt.site.reports[report];
      const text = `No recovery rate of a board by ${noun} is in the files of this release.`;
      return {
        title: "Every board",
        html: `<p>${text} It cannot be rebuilt from rounded counts.</p>`,
      };
    }
    const keys = [EVERYONE, ...new Set(ids.flatMap((id) => listDefaultPopulations(figuresOf[id])))];
    const rows = ids
      .map((id) => ({
        header: getArea(id).name,
        href: `../organisations/${id}.html`,
        keys: [getArea(id).code, getArea(id).name],
        cells: keys.map((key) => read(id, key)[newest.number]),
      }))
      .filter((row) => row.cells.some((cell) => cell !== null));
    const html = iapt.tables.renderTable({
      id: "boards",
      caption: `Recovery rate, ${newest.label} (%)`,
      file: makeFileName("recovery-rate", report, "every-board", newest.period),
      corner: "Integrated care board",
      isSortable: true,
      keys: ["org_code", "org_name"],
      columns: keys.map((key) => ({ label: shortenHead(getPopulation(key).label), slug: key })),
      rows,
    });
    return { title: `Every board, ${newest.label}`, html };
  }

  // ---- in a browser ------------------------------------------------------------------------------------------------

  /** Show what the address asks for; returns the title of what is shown. */
  async function update(controls, replace) {
    const { page, form } = controls;
    await controls.load("site");
    const messages = [];
    const families = [page.family];
    const area = controls.chooseArea(page.report, messages, families);
    const figures = await controls.load(`${page.report}/${area}`);
    const query = controls.readQuery();
    const isAsked = query.has("with") || query.has("area");
    const usual = listDefaultPopulations(figures);
    const asked = {
      report: page.report,
      area,
      width: controls.chooseWidth(),
      populations: isAsked ? query.getAll("with").filter((key) => key !== "none") : usual,
      areas: query.getAll("area"),
    };
    const { state, messages: corrections } = correctState(asked, figures);
    const figuresOf = { [area]: figures };
    for (const other of state.areas) figuresOf[other] = await controls.load(`${page.report}/${other}`);
    if (form.elements.org) controls.fillAreas(page.report, area, families);
    fillComparison(controls, state, figures);
    const isUsual = !state.areas.length && usual.join() === state.populations.join();
    const compared = isUsual ? [] : listComparison(state.populations, state.areas);
    controls.remember([["org", area === page.area ? "" : area], ...compared], replace);
    const view = draw(state, figuresOf);
    controls.show(view);
    controls.showMessages([...messages, ...corrections]);
    return view.title;
  }

  /** A comparison as fields of an address. */
  const listComparison = (populations, areas) => [
    ...populations.map((key) => ["with", key]),
    ...(populations.length || areas.length ? [] : [["with", "none"]]),
    ...areas.map((id) => ["area", id]),
  ];

  function renderChoices(variable, populations, chosen) {
    const choices = populations.map(({ key, label }) => {
      const checked = chosen.includes(key) ? " checked" : "";
      const box = `<input type="checkbox" name="with" value="${escapeHtml(key)}"${checked}>`;
      return `<label class="choice">${box} ${escapeHtml(label)}</label>`;
    });
    return `<fieldset><legend>${escapeHtml(variable.label)}</legend>${choices.join("")}</fieldset>`;
  }

  /** Write what can be compared and what is, with the limits. */
  function fillComparison(controls, state, figures) {
    const { max_populations: maxPopulations, max_areas: maxAreas, variables } = iapt.site.recovery;
    const populations = listPopulations(figures);
    const groups = variables.map((type) => {
      const within = populations.filter(({ key }) => key.startsWith(`${type}/`));
      return within.length ? renderChoices(getVariable(type), within, state.populations) : "";
    });
    const find = (id) => document.getElementById(id);
    find("populations").innerHTML = groups.join("") || "<p>No other population has a recovery rate here.</p>";
    const isFull = state.populations.length >= maxPopulations;
    const advice = isFull ? " Remove one to choose another." : "";
    find("populations-count").textContent = `${state.populations.length} of ${maxPopulations} chosen.${advice}`;
    for (const box of document.querySelectorAll("#populations input")) {
      if (isFull && !box.checked) box.setAttribute("aria-disabled", "true");
    }
    const others = iapt.site.areas
      .filter((area) => isComparable(area, state.report) && ![state.area, ...state.areas].includes(area.id))
      .map((area) => [area.id, area.name]);
    controls.fillSelect(controls.form.elements.other, [["", "Choose an area"], ...others], "");
    find("areas-count").textContent = `${state.areas.length} of ${maxAreas} chosen.`;
    const items = state.areas.map((id) => {
      const name = escapeHtml(getArea(id).name);
      const button = `<button type="button" class="small" data-remove="${escapeHtml(id)}">Remove`;
      return `<li>${name} ${button}<span class="vh"> ${name}</span></button></li>`;
    });
    find("areas").innerHTML = items.join("");
  }

  const readComparison = () => ({
    populations: [...document.querySelectorAll("#populations input:checked")].map((box) => box.value),
    areas: [...document.querySelectorAll("[data-remove]")].map((button) => button.dataset.remove),
  });

  /** Show a comparison, focus what a selector finds then, and say what was removed for it. */
  async function compare(controls, populations, areas, focus, messages = []) {
    const { page, form } = controls;
    const org = form.elements.org ? form.elements.org.value : "";
    controls.remember([["org", org === page.area ? "" : org], ...listComparison(populations, areas)]);
    await controls.redraw(true);
    const element = document.querySelector(focus);
    if (element) element.focus();
    if (messages.length) controls.showMessages(messages);
  }

  /** A change of a box: one too many is taken back with a message. */
  function changePopulations(controls, box) {
    const { max_populations: most } = iapt.site.recovery;
    const { populations, areas } = readComparison();
    if (box.checked && populations.length > most) {
      box.checked = false;
      controls.showMessages([`At most ${most} other populations can be compared. Remove one first.`]);
      return undefined;
    }
    const messages = areas.length ? ["Populations are compared within one area: the other areas were removed."] : [];
    return compare(controls, populations, [], `input[value="${CSS.escape(box.value)}"]`, messages);
  }

  function addArea(controls) {
    const { max_areas: most } = iapt.site.recovery;
    const { populations, areas } = readComparison();
    const id = controls.form.elements.other.value;
    if (!id) return controls.showMessages(["Choose an area to add."]);
    if (areas.length >= most) {
      return controls.showMessages([`At most ${most} other areas can be compared. Remove one first.`]);
    }
    const messages = populations.length ? ["Areas are compared for everyone: the other populations were removed."] : [];
    return compare(controls, [], [...areas, id], "#other", messages);
  }

  function removeArea(controls, id) {
    const { populations, areas } = readComparison();
    return compare(
      controls,
      populations,
      areas.filter((area) => area !== id),
      "#other",
    );
  }

  /** Handle a change of the form that is of this page alone; whether it was one. */
  function handleChange(controls, target) {
    if (target.name === "with") changePopulations(controls, target);
    return ["with", "other"].includes(target.name);
  }

  function handleClick(controls, target) {
    if (target.id === "add-area") addArea(controls);
    const button = target.closest("[data-remove]");
    if (button) removeArea(controls, button.dataset.remove);
  }

  /** The comparison stays where another organisation is chosen. */
  function listKeptValues(query) {
    const list = (name) => query.getAll(name).map((value) => [name, value]);
    return [...list("with"), ...list("area")];
  }

  /** The first view of a page: that of the build. */
  function build(asked, figures) {
    const { state } = correctState({ ...asked, populations: listDefaultPopulations(figures) }, figures);
    return { ...draw(state, { [state.area]: figures }), state };
  }

  iapt.pages.recovery = { build, handleChange, handleClick, listKeptValues, update };
  iapt.pages.boards = {
    build: (asked, figuresOf) => ({ ...drawBoards(asked.report, figuresOf), state: asked }),
  };
}
