// The views: from a state (what is chosen) and data to the text of a page's main part. Pure functions, the same in a
// browser and when the pages are built. A state that cannot be shown is corrected, and the correction is said.
"use strict";
{
  const { series, remarked, offTheScale, periods, measure, area, withUnit, standing, escape } = iapt.figures;
  const EVERYONE = "total/total";
  const LEVELS = { stp: "STP", icb: "ICB", ccg: "CCG", sub_icb: "sub-ICB location" };

  const plural = (count, one, many) => `${iapt.figures.grouped(String(count))} ${count === 1 ? one : many}`;
  const listed = (words) =>
    words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
  const capital = (word) => word[0].toUpperCase() + word.slice(1);
  const publishedAt = (cells) =>
    cells.map((read, number) => [read, number]).filter(([read]) => read && read.status === "published");
  const fileName = (...words) =>
    words
      .join("-")
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-");
  const levelAt = (figures, number) =>
    figures.levels.reduce((found, level) => (number >= level[0] ? level : found), figures.levels[0] || [0, "", ""]);

  /** The periods from which on the figures are of another area than those before: the line breaks there. */
  const cutsOf = (figures) => (figures.cuts || []).map(([from]) => from);

  /** As what a place stands in a period, where it has stood as several: STP, under another code, or a sum of others. */
  function standsAs(figures, number, code) {
    if (!figures || (figures.levels.length < 2 && (figures.levels[0] || [])[1] !== "sum")) return "";
    const [, level, of] = levelAt(figures, number);
    if (level === "sum") {
      const codes = of.split("; ");
      return codes.length > 3 ? `sum of ${codes.length} areas` : `sum of ${listed(codes)}`;
    }
    return LEVELS[level] ? `as ${LEVELS[level]}${of && of !== code ? ` ${of}` : ""}` : "";
  }

  /** What a page says of a place beside its figures: its codes, its end, and links to what it came from and became. */
  function areaNote(where) {
    const linked = (all) =>
      all
        .map(([id, name, code]) =>
          id
            ? `<a href="../organisations/${escape(id)}.html">${escape(name)} (${escape(code)})</a>`
            : `${escape(name)} (${escape(code)})`,
        )
        .join("; ");
    const said = [
      where.note && escape(where.note),
      where.after.length && `It became: ${linked(where.after)}.`,
      where.before.length && `It came from: ${linked(where.before)}.`,
    ].filter(Boolean);
    return said.length ? `<p class="area-note">${said.join(" ")}</p>` : "";
  }

  function variable(type) {
    const fields = iapt.site.variables.find((one) => one[0] === type);
    return (
      fields && {
        type: fields[0],
        label: fields[1],
        populations: fields[2].map(([key, label, comparableFrom, reason]) => ({ key, label, comparableFrom, reason })),
      }
    );
  }

  function population(key) {
    if (key === EVERYONE) return { key, label: "Everyone", comparableFrom: "", reason: "" };
    const found = variable(key.split("/")[0]);
    return found && found.populations.find((one) => one.key === key);
  }

  const cellsOf = (figures, key, number, axis) =>
    remarked(series((figures.series[key] || [])[number], axis), measure(number), key, figures, axis);

  /** The variables an organisation has figures of. */
  const variablesOf = (figures) =>
    iapt.site.variables
      .map(([type]) => variable(type))
      .filter((one) => one.populations.some(({ key }) => figures.series[key]));

  /** The part of the calendar that is shown: from the first to the last figure, and every known gap. */
  function axisOf(all, rows) {
    const has = all.map((period, number) => period.status === "not_published" || rows.some((cells) => cells[number]));
    const first = has.indexOf(true),
      last = has.lastIndexOf(true);
    return first < 0 ? [0, -1] : [first, last];
  }

  /** Where a chart of a shorter axis begins: numbers become those of that axis. */
  function cut(all, first, last) {
    return all.slice(first, last + 1);
  }

  function standards(slug, axis) {
    return iapt.site.standards
      .filter((one) => one.measure === slug)
      .map((one) => {
        const within = axis
          .map((period, number) => [period, number])
          .filter(([period]) => period.start >= one.from && (!one.to || period.start <= one.to));
        return (
          within.length && {
            from: within[0][1],
            to: within[within.length - 1][1],
            value: one.threshold,
            label: one.label,
          }
        );
      })
      .filter(Boolean);
  }

  /** How a series stands to the standard of its measure, a word a period; nothing where the release says nothing. */
  function judgedOf(figures, key, slug) {
    const text = ((figures.standards || {})[key] || {})[slug];
    const labels = [...new Set(iapt.site.standards.filter((one) => one.measure === slug).map((one) => one.label))];
    return text && labels.length
      ? { label: labels.length === 1 ? labels[0] : "National standard", words: text.split(",") }
      : null;
  }

  /** The figures of a series after the last break that divides it, and since when they are: no range spans a break. */
  function sinceTheBreak(found, row, axis) {
    const [, first] = found[0],
      [, last] = found[found.length - 1];
    const cuts = axis
      .map((period, number) => number)
      .filter((number) => number > first && number <= last && (axis[number].cuts || (row.cuts || []).includes(number)));
    if (!cuts.length) return { figures: found, since: axis[first].label };
    const cut = cuts[cuts.length - 1];
    const figures = found.filter(([, number]) => number >= cut);
    const [, after] = figures[0];
    return {
      figures,
      since:
        after === cut
          ? `the break in ${axis[cut].label}`
          : `${axis[after].label}, after the break in ${axis[cut].label}`,
    };
  }

  /** What a chart shows, in a sentence or two. */
  function summaryOf(rows, axis, unit, where) {
    const said = [];
    const withFigures = rows.filter((row) => publishedAt(row.cells).length);
    for (const row of withFigures) {
      const all = publishedAt(row.cells);
      const plain = all.filter(([one]) => !one.notes).map(([one]) => one.value);
      // A figure that is off the scale of the chart is in no range either: it is named with its note.
      const off = all.filter(([one]) => offTheScale(one, plain));
      const found = all.filter((one) => !off.includes(one));
      const aside = off
        .map(([one, at]) => ` ${axis[at].label} (${withUnit(one, unit)}) is off the scale: see its note.`)
        .join("");
      if (!found.length) {
        said.push(`${row.label}:${aside}`);
        continue;
      }
      const [read, number] = found[found.length - 1];
      const { figures, since } = sinceTheBreak(found, row, axis);
      const values = figures.map(([one]) => one.value);
      const range =
        figures.length > 2
          ? `, between ${withUnit(figures.find(([one]) => one.value === Math.min(...values))[0], unit)} and ${withUnit(figures.find(([one]) => one.value === Math.max(...values))[0], unit)} since ${since}`
          : "";
      const stands = row.judged ? ` (${row.judged.label}: ${standing(read, row.judged.words[number])})` : "";
      said.push(
        `${row.label}: ${withUnit(read, unit)} in ${axis[number].label}${read.notes ? " [note]" : ""}${stands}${range}.${aside}`,
      );
    }
    if (!withFigures.length) return `No figure of this for ${where} in the files of this release.`;
    const hidden = rows.reduce(
      (count, row) => count + row.cells.filter((read) => read && read.status === "suppressed").length,
      0,
    );
    if (hidden) said.push(`${plural(hidden, "figure is", "figures are")} suppressed.`);
    return said.join(" ");
  }

  const asList = (notes) =>
    notes.length ? `<ul class="notes">${notes.map((note) => `<li>${escape(note)}</li>`).join("")}</ul>` : "";

  /** Notes below a chart: what is missing from it, and totals built here. */
  function notesOf(axis, rows) {
    const drawn = rows.some((row) => publishedAt(row.cells).length);
    const notes = axis
      .filter((period) => period.status === "not_published")
      .map(
        (period) => `${period.label} was never published${drawn ? ", so the line breaks there" : ""}. ${period.reason}`,
      );
    if (rows.some((row) => row.cells.some((read) => read && read.derived))) {
      notes.push(
        "These totals are built here: sums of rounded figures over the areas within. They may differ from other publications; below each stands what the true total can be. Suppressed parts add nothing to a sum. Percentages cannot be rebuilt from rounded counts, so there are none.",
      );
    }
    if (rows.some((row) => row.judged)) {
      notes.push(
        "Whether a standard was met is as the release says, not read off the whole percentage: England is judged at the decimal that was published, so that a rate shown at the standard can have missed it. Elsewhere such a rate is within rounding of it. A standard is set for everyone; for a group it is a line to compare with.",
      );
    }
    if (rows.some((row) => row.scheme))
      notes.push(...new Set(rows.filter((row) => row.scheme).map((row) => `[b] ${row.label}: ${row.scheme}.`)));
    return asList(notes);
  }

  /** Notes that hold for every chart of a page: breaks in the series, and periods that are not held. */
  function seriesNotes(all, figures) {
    const notes = (figures.cuts || []).map(
      ([number, reason]) => `[b] ${all[number].label}: ${reason} Figures before and after are not comparable.`,
    );
    notes.push(
      ...all
        .slice(1)
        .filter((period) => period.breakName)
        .map(
          (period) =>
            `[b] ${period.label}: ${period.breakName}. ${period.breakReason}${period.cuts ? " Figures before and after are not comparable." : ""}`,
        ),
    );
    if (all.some((period) => period.status === "not_loaded"))
      notes.push(
        "Periods that are not held in this release are hatched with upright lines: they may well be published.",
      );
    return notes.length
      ? `<section aria-labelledby="series-heading"><h2 id="series-heading">Notes on the series</h2>${asList(notes)}</section>`
      : "";
  }

  /** Rows of a table by period, the newest first; neighbouring periods that are not held share one. */
  function periodRows(axis, rows, figures, offset, code) {
    const found = [];
    const cuts = figures ? cutsOf(figures) : [];
    for (let number = axis.length - 1; number >= 0; number -= 1) {
      const period = axis[number];
      const cells = rows.map((row) => row.cells[number]);
      if (period.status === "not_loaded" && cells.every((read) => read === null)) {
        const last = found[found.length - 1];
        if (last && last.span) last.first = period.label;
        else found.push({ last: period.label, first: period.label, span: "not held in this release" });
        continue;
      }
      found.push({
        header: period.label,
        keys: [period.period, period.label],
        number,
        cells,
        flag: number > 0 && (Boolean(period.breakName) || cuts.includes(number + offset)),
        remark: standsAs(figures, number + offset, code),
      });
    }
    return found.map((row) =>
      row.span ? { header: row.first === row.last ? row.first : `${row.first} to ${row.last}`, span: row.span } : row,
    );
  }

  /** A chart with the list of its lines. `panel` names the table that it is read by, `rows` which rows of it, if not all. */
  function chartOf(spec) {
    // In the list, since beside a line on a phone its name would lie over figures.
    const lines = [
      ...spec.series.map((row, order) => [iapt.charts.sample(order), row.label]),
      ...spec.standard.map((one) => [iapt.charts.standardSample, one.label]),
    ];
    return (
      `<figure class="chart" data-panel="${spec.panel}"${spec.rows ? ` data-rows="${escape(spec.rows.join(" "))}" data-last="${spec.last}"` : ""}>${spec.caption ? `<figcaption>${escape(spec.caption)}</figcaption>` : ""}` +
      `<ul class="legend">${lines.map(([sample, label]) => `<li>${sample} ${escape(label)}</li>`).join("")}</ul>` +
      `<div class="drawing" tabindex="0" role="region" aria-label="Chart: ${escape(spec.label)}">${iapt.charts.lines(spec)}</div></figure>`
    );
  }

  /** A chart with its summary, notes and table. */
  function linePanel(spec) {
    const [first, last] = axisOf(
      spec.axis,
      spec.rows.map((row) => row.cells),
    );
    const axis = cut(spec.axis, first, last);
    const rows = spec.rows.map((row) => ({
      ...row,
      cells: row.cells.slice(first, last + 1),
      cuts: (row.cuts || []).map((number) => number - first),
      judged: row.judged && { ...row.judged, words: row.judged.words.slice(first, last + 1) },
    }));
    const summary = summaryOf(rows, axis, spec.unit, spec.where);
    const table = iapt.tables.html({
      id: spec.id,
      caption: `${spec.title}, ${spec.where}${spec.unit === "%" ? " (%)" : ` (${spec.unit})`}`,
      file: fileName(spec.file, spec.title),
      orgs: spec.orgs,
      corner: spec.corner,
      keys: [{ name: "period" }, { name: "period_label" }],
      columns: rows.map((row) => ({ label: row.head || row.label, slug: row.slug, judged: row.judged })),
      rows: periodRows(axis, rows, spec.figures, first, spec.code),
    });
    const standard = (spec.standard || []).flatMap((slug) => standards(slug, axis));
    const has = rows.some(
      (row) => publishedAt(row.cells).length || row.cells.some((read) => read && read.status === "suppressed"),
    );
    const drawn =
      has && spec.chart !== false
        ? chartOf({
            id: spec.id,
            panel: spec.id,
            label: spec.title,
            title: `${spec.title}, ${spec.where}`,
            description: summary,
            unit: spec.unit,
            axis,
            series: rows,
            standard,
            width: spec.width,
          })
        : "";
    return (
      `<section class="panel" aria-labelledby="${spec.id}-heading"><h2 id="${spec.id}-heading">${escape(spec.title)}</h2>` +
      `<p class="summary">${escape(summary)}</p>${drawn}${table}${notesOf(axis, rows)}</section>`
    );
  }

  // ---- topics -----------------------------------------------------------------------------------------------------

  /** The state of a topic page as it can be shown, and what was corrected. */
  function topicState(asked, figures) {
    const state = { ...asked };
    const said = [];
    const topic = iapt.site.topics.find((one) => one.slug === state.topic);
    const offered = variablesOf(figures);
    if (state.by && !offered.some((one) => one.type === state.by)) {
      said.push(
        `There are no figures by ${(variable(state.by) || { label: `“${state.by}”` }).label.toLowerCase()} for ${area(state.area).name} here: everyone is shown.`,
      );
      state.by = "";
    }
    if (!state.by) {
      state.measure = "";
      state.period = "";
      return { state, said };
    }
    const measures = topic.measures
      .map((number) => measure(number))
      .filter((one) => measureHas(figures, state.by, one.number));
    if (!measures.length) {
      said.push(
        `No measure of this topic is published by ${variable(state.by).label.toLowerCase()}: everyone is shown.`,
      );
      return { state: { ...state, by: "", measure: "", period: "" }, said };
    }
    if (!measures.some((one) => one.slug === state.measure)) {
      const shown = measures.find((one) => one.unit === "%") || measures[0];
      if (state.measure)
        said.push(
          `“${state.measure}” is not published by ${variable(state.by).label.toLowerCase()} here: ${shown.label.toLowerCase()} is shown.`,
        );
      state.measure = shown.slug;
    }
    const number = measures.find((one) => one.slug === state.measure).number;
    const held = periodsOf(figures, state, number);
    if (!held.some((period) => period.period === state.period)) {
      if (state.period) said.push(`There is no figure for “${state.period}”: ${held[held.length - 1].label} is shown.`);
      state.period = held[held.length - 1].period;
    }
    return { state, said };
  }

  const measureHas = (figures, type, number) =>
    variable(type).populations.some(
      ({ key }) =>
        /\d/.test((figures.series[key] || [])[number] || "") || /c/.test((figures.series[key] || [])[number] || ""),
    );

  function periodsOf(figures, state, number) {
    const all = periods(state.report);
    return all.filter((period, at) =>
      variable(state.by).populations.some(({ key }) => {
        const read = cellsOf(figures, key, number, all)[at];
        return read && read.status !== "not_published";
      }),
    );
  }

  /** What can be chosen on a topic page for an organisation. */
  function topicChoices(state, figures) {
    const topic = iapt.site.topics.find((one) => one.slug === state.topic);
    const variables = variablesOf(figures).filter((one) =>
      topic.measures.some((number) => measureHas(figures, one.type, number)),
    );
    const measures = state.by
      ? topic.measures.map(measure).filter((one) => measureHas(figures, state.by, one.number))
      : [];
    const chosen = measures.find((one) => one.slug === state.measure);
    return { variables, measures, periods: chosen ? periodsOf(figures, state, chosen.number).reverse() : [] };
  }

  function topicView(state, figures) {
    const topic = iapt.site.topics.find((one) => one.slug === state.topic);
    const report = iapt.site.reports[state.report];
    const where = area(state.area);
    const title = `${report.title}: ${topic.title.toLowerCase()}, ${where.name}`;
    const note = areaNote(where);
    const panels = state.by ? variablePanel(state, figures, where) : topicPanels(state, figures, topic, where);
    return { title, html: `${note}${panels}` };
  }

  function topicPanels(state, figures, topic, where) {
    const axis = periods(state.report);
    const charted = new Set(topic.charts.flatMap((chart) => chart.measures));
    const rest = topic.measures.filter((number) => !charted.has(number));
    const panels = topic.charts.map((chart, order) => ({ ...chart, id: `panel-${order + 1}` }));
    if (rest.length)
      panels.push({
        title: "The counts behind the percentages",
        measures: rest,
        id: `panel-${panels.length + 1}`,
        chart: false,
      });
    return (
      panels
        .map((chart) =>
          linePanel({
            id: chart.id,
            title: chart.title,
            where: where.name,
            code: where.code,
            orgs: [where],
            axis,
            figures,
            width: state.width,
            chart: chart.chart,
            unit: measure(chart.measures[0]).unit,
            corner: capital(iapt.site.reports[state.report].noun),
            file: `${state.report}-${where.id}`,
            standard: chart.measures.map((number) => measure(number).slug),
            rows: chart.measures.map((number) => ({
              label: measure(number).label,
              short: measure(number).short,
              slug: measure(number).slug,
              cells: cellsOf(figures, EVERYONE, number, axis),
              cuts: cutsOf(figures),
              judged: judgedOf(figures, EVERYONE, measure(number).slug),
            })),
          }),
        )
        .join("") + seriesNotes(axis, figures)
    );
  }

  /** The lines of one chart are told apart by six marks; everyone's is the first of each where it is on the same scale. */
  const MOST_LINES = 6;

  /** One measure by the categories of a variable: as lines, and in a table whose chosen period has bars. */
  function variablePanel(state, figures, where) {
    const all = periods(state.report);
    const chosen = topicChoices(state, figures).measures.find((one) => one.slug === state.measure);
    const by = variable(state.by);
    const held = periodsOf(figures, state, chosen.number).reverse();
    const columns = [
      held.find((period) => period.period === state.period),
      ...held.filter((period) => period.period !== state.period),
    ];
    const categories = by.populations
      .filter(({ key }) => figures.series[key])
      .map((one) => {
        const cells = cellsOf(figures, one.key, chosen.number, all);
        const from = one.comparableFrom ? all.findIndex((period) => period.period === one.comparableFrom) : -1;
        const last = cells.reduce(
          (found, read, number) => (read && read.status !== "not_published" ? number : found),
          -1,
        );
        return { ...one, cells, last, cuts: [...cutsOf(figures), ...(from > 0 ? [from] : [])] };
      })
      .filter((one) => one.last >= 0);
    // Today's categories first, in their order: those of the newest period. The others ended, and say when.
    const newest = Math.max(...categories.map((one) => one.last));
    const today = categories.filter((one) => one.last === newest);
    const ended = categories.filter((one) => one.last < newest);
    const everyone = {
      key: EVERYONE,
      label: "Everyone",
      cells: cellsOf(figures, EVERYONE, chosen.number, all),
      cuts: cutsOf(figures),
      last: newest,
    };
    const rows = [everyone, ...today, ...ended]
      .map((one) => ({
        header: one.label,
        key: one.key,
        keys: [one.label],
        remark: one.last < newest ? `until ${all[one.last].label}` : "",
        cells: columns.map((period) => one.cells[period.number]),
        reason: one.reason,
        flags: columns.map(
          (period) =>
            Boolean(one.comparableFrom) && period.period === one.comparableFrom && one.cells[period.number] !== null,
        ),
      }))
      .filter((row) => row.cells.some((read) => read !== null));
    const now = rows.filter(
      (row) => row.key !== EVERYONE && row.cells[0] && row.cells[0].status === "published" && !row.cells[0].impossible,
    );
    const hidden = rows.filter((row) => row.cells[0] && row.cells[0].status === "suppressed").length;
    const values = now.map((row) => row.cells[0].value);
    const extreme = (value) =>
      listed(
        now
          .filter((row) => row.cells[0].value === value)
          .map((row) => row.header.toLowerCase())
          .slice(0, 3),
      );
    const summary = values.length
      ? `${columns[0].label}: from ${withUnit(now.find((row) => row.cells[0].value === Math.min(...values)).cells[0], chosen.unit)} (${extreme(Math.min(...values))}) to ${withUnit(now.find((row) => row.cells[0].value === Math.max(...values)).cells[0], chosen.unit)} (${extreme(Math.max(...values))}).${hidden ? ` ${plural(hidden, "category is", "categories are")} suppressed.` : ""}`
      : `No category has a figure in ${columns[0].label}.`;
    const reasons = [...new Set(rows.filter((row) => row.flags.some(Boolean)).map((row) => row.reason))];
    const title = `${chosen.label} by ${by.label.toLowerCase()}`;
    const first = held[held.length - 1].number;
    const moved = cutsOf(figures);
    const table = iapt.tables.html({
      id: "panel-1",
      caption: `${title}, ${where.name}${chosen.unit === "%" ? "" : ` (${chosen.unit})`}`,
      file: fileName(state.report, where.id, chosen.slug, by.type),
      orgs: [where],
      corner: by.label,
      keys: [{ name: "population" }],
      bars: 0,
      barsTo: chosen.unit === "%" ? 100 : undefined,
      rows,
      sortable: true,
      columns: columns.map((period) => ({
        label: period.label,
        slug: `${chosen.slug} ${period.period}`,
        number: period.number,
        flag: period.number > first && (Boolean(period.breakName) || moved.includes(period.number)),
      })),
    });
    const charts =
      held.length < 2
        ? ""
        : variableCharts({ state, where, chosen, title, all, everyone, today, ended, first, newest });
    const notes = [
      ...reasons.map((reason) => `[b] ${reason}. Figures before and after are not comparable.`),
      ...(ended.length
        ? ["Categories that are no more stand after those of today, with the last period that has them."]
        : []),
      ...(chosen.unit === "%"
        ? []
        : [
            "The bar of everyone and those of the categories have one scale. Categories may not add up to everyone: each is rounded.",
          ]),
      "People whose category is not known are a category of their own. A difference between groups here is not adjusted for anything else that differs between them.",
    ];
    const axis = all.map((period) =>
      period.number > first && period.number <= newest ? period : { ...period, breakName: "" },
    );
    return (
      `<section class="panel" aria-labelledby="panel-1-heading"><h2 id="panel-1-heading">${escape(title)}</h2><p class="summary">${escape(summary)}</p>${charts}${table}` +
      `${asList(notes)}</section>${seriesNotes(axis, { cuts: (figures.cuts || []).filter(([number]) => number > first && number <= newest) })}`
    );
  }

  /** Lines of the categories over the periods: as many charts as their marks need, of one scale, today's categories first. */
  function variableCharts({ state, where, chosen, title, all, everyone, today, ended, first, newest }) {
    const beside = chosen.unit === "%" ? [everyone] : [];
    const room = MOST_LINES - beside.length;
    // Charts of a group hold as many lines as one another, not all that fit and a rest of one.
    const parts = [
      ["", today],
      ["categories that ended", ended],
    ].flatMap(([name, group]) => {
      const charts = Math.ceil(group.length / room),
        each = Math.ceil(group.length / charts);
      return Array.from({ length: charts }, (_, part) => [name, group.slice(part * each, (part + 1) * each)]);
    });
    const plain = [...beside, ...today, ...ended].flatMap((one) =>
      publishedAt(one.cells.slice(first, newest + 1))
        .filter(([read]) => !read.notes)
        .map(([read]) => read.value),
    );
    return parts
      .map(([name, group], order) => {
        const last = Math.max(...group.map((one) => one.last));
        const axis = cut(all, first, last);
        const series = [...beside, ...group].map((one) => ({
          label: one.label,
          short: shortName(one.key, one.label),
          cells: one.cells.slice(first, last + 1),
          cuts: one.cuts.map((number) => number - first),
        }));
        const label = [title, name, parts.length > 1 ? `chart ${order + 1} of ${parts.length}` : ""]
          .filter(Boolean)
          .join(", ");
        return chartOf({
          id: `panel-1-chart-${order + 1}`,
          panel: "panel-1",
          rows: [...beside, ...group].map((one) => one.key),
          last,
          label,
          title: `${label}, ${where.name}`,
          description: summaryOf(series, axis, chosen.unit, where.name),
          unit: chosen.unit,
          axis,
          series,
          standard: standards(chosen.slug, axis),
          span: plain,
          width: state.width,
          caption:
            parts.length > 1 ? capital([name, `chart ${order + 1} of ${parts.length}`].filter(Boolean).join(", ")) : "",
        });
      })
      .join("");
  }

  // ---- recovery rate ----------------------------------------------------------------------------------------------

  /** The state of a recovery page as it can be shown, and what was corrected: the limits hold for addresses too. */
  function recoveryState(asked, figures) {
    const { mostPopulations, mostAreas } = iapt.site.recovery;
    const state = { ...asked, populations: [...new Set(asked.populations)], areas: [...new Set(asked.areas)] };
    const said = [];
    const offered = recoveryPopulations(figures).map((one) => one.key);
    const strangers = state.populations.filter((key) => !offered.includes(key));
    if (strangers.length) {
      const names = strangers.map((key) => (population(key) || { label: `“${key}”` }).label);
      said.push(`There is no recovery rate here for ${listed(names)}: left out.`);
      state.populations = state.populations.filter((key) => offered.includes(key));
    }
    const unknown = state.areas.filter(
      (id) => !area(id) || !area(id).reports.includes(state.report) || !["england", "icb"].includes(area(id).family),
    );
    if (unknown.length) {
      said.push(
        `There are no figures here for ${listed(unknown.map((id) => (area(id) || { name: `“${id}”` }).name))}: left out.`,
      );
    }
    state.areas = state.areas.filter((id) => !unknown.includes(id) && id !== state.area);
    if (state.areas.length && state.populations.length) {
      said.push("Compare populations or areas, not both at once: the areas are shown, for everyone.");
      state.populations = [];
    }
    if (state.populations.length > mostPopulations) {
      said.push(
        `At most ${mostPopulations} other populations can be compared: the first ${mostPopulations} are shown.`,
      );
      state.populations = state.populations.slice(0, mostPopulations);
    }
    if (state.areas.length > mostAreas) {
      said.push(`At most ${mostAreas} other areas can be compared: the first ${mostAreas} are shown.`);
      state.areas = state.areas.slice(0, mostAreas);
    }
    return { state, said };
  }

  const recoveryNumber = () => iapt.site.measures.findIndex((fields) => fields[0] === iapt.site.recovery.measure);

  const recoveryPopulations = (figures) =>
    iapt.site.recovery.variables
      .flatMap((type) => (variable(type) || { populations: [] }).populations)
      .filter(({ key }) => /[\dc]/.test((figures.series[key] || [])[recoveryNumber()] || ""));

  /** A name that fits a column's head: without what stands in brackets, which the list above the chart says. */
  const headOf = (label) => label.replace(/ \([^)]*\)$/, "");

  /** A name that fits beside a line: the outline's, or the words that fit. */
  function shortName(key, label) {
    if (iapt.site.shorts[key]) return iapt.site.shorts[key];
    const words = label.replace(/ \(.*$/, "").split(" ");
    let text = words.shift();
    while (words.length && (text + " " + words[0]).length <= 18) text += ` ${words.shift()}`;
    return words.length ? `${text.replace(/[,:]$/, "")}…` : text;
  }

  /** Which populations are shown beside everyone where nothing is chosen: those of the first variable. */
  const recoveryDefault = (figures) =>
    recoveryPopulations(figures)
      .filter(({ key }) => key.startsWith(`${iapt.site.recovery.variables[0]}/`) && !key.endsWith("/not_stated"))
      .map(({ key }) => key);

  function recoveryView(state, figuresOf) {
    const axis = periods(state.report);
    const number = recoveryNumber();
    const figures = figuresOf[state.area];
    const where = area(state.area);
    const everyone = (id) => ({
      label: state.areas.length ? area(id).name : "Everyone",
      short: state.areas.length
        ? shortName(id, area(id).name.replace(/^NHS | Integrated Care Board$| STP$/g, ""))
        : "Everyone",
      slug: state.areas.length ? `percentage_recovery ${id}` : "percentage_recovery",
      cells: cellsOf(figuresOf[id], EVERYONE, number, axis),
      cuts: cutsOf(figuresOf[id]),
      judged: judgedOf(figuresOf[id], EVERYONE, iapt.site.recovery.measure),
    });
    const rows = [everyone(state.area), ...state.areas.map(everyone)];
    for (const key of state.populations) {
      const one = population(key);
      const from = one.comparableFrom ? axis.findIndex((period) => period.period === one.comparableFrom) : -1;
      rows.push({
        label: one.label,
        head: headOf(one.label),
        short: shortName(key, one.label),
        slug: `percentage_recovery ${key}`,
        scheme: from > 0 ? one.reason : "",
        cells: cellsOf(figures, key, number, axis),
        cuts: [...cutsOf(figures), ...(from > 0 ? [from] : [])],
        judged: judgedOf(figures, key, iapt.site.recovery.measure),
      });
    }
    const noun = iapt.site.reports[state.report].noun;
    const panel = linePanel({
      id: "panel-1",
      title: `Recovery rate by ${noun}`,
      where: where.name,
      code: where.code,
      orgs: [where, ...state.areas.map(area)],
      axis,
      figures: state.areas.length ? null : figures,
      width: state.width,
      unit: "%",
      corner: capital(noun),
      file: `recovery-rate-${state.report}-${where.id}`,
      standard: [iapt.site.recovery.measure],
      rows,
    });
    return {
      title: `Recovery rate, ${where.name}, by ${noun}`,
      html: `${areaNote(where)}${panel}${seriesNotes(axis, figures)}`,
    };
  }

  /** Every board in the newest period that has figures: everyone and the usual populations. */
  function boardsView(report, figuresOf) {
    const axis = periods(report);
    const number = recoveryNumber();
    const cells = (id, key) => cellsOf(figuresOf[id], key, number, axis);
    const ids = Object.keys(figuresOf);
    const newest = axis
      .slice()
      .reverse()
      .find((period) =>
        ids.some((id) => {
          const read = cells(id, EVERYONE)[period.number];
          return read && read.status !== "not_published";
        }),
      );
    if (!newest)
      return {
        title: "Every board",
        html: `<p>No recovery rate of a board by ${iapt.site.reports[report].noun} is in the files of this release. It cannot be rebuilt from rounded counts.</p>`,
      };
    const keys = [EVERYONE, ...new Set(ids.flatMap((id) => recoveryDefault(figuresOf[id])))];
    const rows = ids
      .map((id) => ({
        header: area(id).name,
        href: `../organisations/${id}.html`,
        keys: [area(id).code, area(id).name],
        cells: keys.map((key) => cells(id, key)[newest.number]),
      }))
      .filter((row) => row.cells.some((read) => read !== null));
    const title = `Every board, ${newest.label}`;
    return {
      title,
      html: iapt.tables.html({
        id: "boards",
        caption: `Recovery rate, ${newest.label} (%)`,
        file: fileName("recovery-rate", report, "every-board", newest.period),
        corner: "Integrated care board",
        sortable: true,
        keys: [{ name: "org_code" }, { name: "org_name" }],
        columns: keys.map((key) => ({ label: headOf(population(key).label), slug: key })),
        rows,
      }),
    };
  }

  // ---- map --------------------------------------------------------------------------------------------------------

  /** Which periods of a report can be on the map, newest first: those in which enough of its areas have a row. */
  function mapPeriods(state, data) {
    const all = periods(state.report);
    const number = iapt.site.measures.findIndex((fields) => fields[0] === state.measure);
    const counts = all.map(() => 0);
    for (const texts of Object.values(data.series)) {
      series(texts[number], all).forEach((read, at) => {
        if (read && read.status !== "not_published") counts[at] += 1;
      });
    }
    return all.filter((period, at) => counts[at] >= iapt.site.map.leastAreas).reverse();
  }

  const mapMeasures = (state, data) =>
    iapt.site.measures
      .map((_, number) => measure(number))
      .filter((one) => mapPeriods({ ...state, measure: one.slug }, data).length);

  function mapState(asked, data) {
    const state = { ...asked };
    const said = [];
    const offered = mapMeasures(state, data);
    if (!offered.length) return { state: { ...state, measure: "", period: "" }, said };
    if (!offered.some((one) => one.slug === state.measure)) {
      const first = offered.find((one) => one.slug === iapt.site.map.measure) || offered[0];
      if (asked.measure && asked.measure !== iapt.site.map.measure)
        said.push(`“${asked.measure}” is not on this map: ${first.label.toLowerCase()} is shown.`);
      state.measure = first.slug;
    }
    const held = mapPeriods(state, data);
    if (!held.some((period) => period.period === state.period)) {
      if (state.period) said.push(`“${state.period}” is not on this map: ${held[0].label} is shown.`);
      state.period = held[0].period;
    }
    return { state, said };
  }

  /** Why the map opens at a period that is not the newest of the report; nothing where it is. */
  function laterThanTheMap(state, data) {
    const [newest] = mapPeriods(state, data);
    const later = periods(state.report).filter(
      (period) => period.number > newest.number && period.status === "published",
    );
    if (!later.length) return "";
    const { noun } = iapt.site.reports[state.report];
    const which = later.length === 1 ? later[0].label : `${later[0].label} to ${later[later.length - 1].label}`;
    return `The newest ${noun} that this map can show is ${newest.label}. For ${which}, fewer than ${iapt.site.map.leastAreas} boards have a complete figure of this measure in the files of this release.`;
  }

  function mapView(state, data) {
    const report = iapt.site.reports[state.report];
    if (!state.measure)
      return {
        title: `Map, ${report.noun}s`,
        html: "<p>No figures of integrated care boards are held for this report.</p>",
      };
    const all = periods(state.report);
    const number = iapt.site.measures.findIndex((fields) => fields[0] === state.measure);
    const one = measure(number);
    const period = all.find((found) => found.period === state.period);
    const tiles = iapt.site.map.tiles.map(([code, row, column, label, name]) => {
      const id = `icb-${code}`;
      const read = data.series[id]
        ? remarked(series(data.series[id][number], all), one, EVERYONE, { notes: (data.notes || {})[id] }, all)[
            period.number
          ]
        : null;
      return { code, row, column, label, name, id, read, href: `../organisations/${id}.html` };
    });
    const known = tiles.filter((tile) => tile.read && tile.read.status === "published" && !tile.read.impossible);
    const values = known.map((tile) => tile.read.value);
    const title = `${one.label}, ${period.label}`;
    const later = laterThanTheMap(state, data);
    const without = tiles.length - known.length;
    const summary = known.length
      ? `Between ${withUnit(known.find((tile) => tile.read.value === Math.min(...values)).read, one.unit)} and ${withUnit(known.find((tile) => tile.read.value === Math.max(...values)).read, one.unit)} over ${plural(known.length, "board", "boards")}.${without ? ` ${plural(without, "board has", "boards have")} no figure.` : ""}`
      : "No board has a figure.";
    const spec = { id: "map", title: `Map of ${title}`, description: summary, unit: one.unit, tiles };
    const shapes = iapt.data.boundaries;
    const drawn = shapes
      ? `<figure class="map"><figcaption>Real boundaries. ${escape(shapes.notice)}</figcaption>${iapt.charts.boundaries({ ...spec, id: "shapes", shapes })}</figure>`
      : "";
    const table = iapt.tables.html({
      id: "map-table",
      caption: `${title}${one.unit === "%" ? "" : ` (${one.unit})`}, by board`,
      file: fileName("map", state.report, one.slug, period.period),
      corner: "Integrated care board",
      keys: [{ name: "org_code" }, { name: "org_name" }],
      columns: [{ label: one.label, slug: one.slug }],
      bars: 0,
      barsTo: one.unit === "%" ? 100 : undefined,
      sortable: true,
      rows: tiles
        .slice()
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((tile) => ({ header: tile.name, href: tile.href, keys: [tile.code, tile.name], cells: [tile.read] })),
    });
    const notes = [
      "A tile is an integrated care board of July 2022 to March 2026; its place is schematic, so that each has the same size. Do not read a rank into small differences: figures are rounded, and areas differ in whom they serve.",
    ];
    const other = tiles
      .filter((tile) => ((data.other || {})[tile.id] || []).includes(period.number))
      .map((tile) => tile.name);
    if (other.length)
      notes.push(
        `Not on the map, since their figures of ${period.label} are of other boundaries than those of the tiles: ${listed(other)}. Those figures are on the pages of the boards.`,
      );
    if (known.some((tile) => tile.read.derived))
      notes.push(
        "Totals of boards by month are built here: sums of rounded figures over the areas within. They may differ from other publications.",
      );
    return {
      title: `Map: ${title}`,
      html:
        `<section class="panel" aria-labelledby="map-heading"><h2 id="map-heading">${escape(title)}</h2><p class="summary">${escape(summary)}</p>${later ? `<p>${escape(later)}</p>` : ""}` +
        `<div class="maps"><figure class="map"><figcaption>One tile a board: choose one for its figures.</figcaption>${iapt.charts.tiles(spec)}</figure>${drawn}<div class="map-table">${table}</div></div>` +
        `${asList(notes)}</section>`,
    };
  }

  // ---- one organisation -------------------------------------------------------------------------------------------

  /** The page of an organisation that needs no choosing: its newest figures of each report, and of each variable. */
  function areaView(id, figuresOf) {
    const where = area(id);
    const sections = where.reports.map((report) => areaReport(where, report, figuresOf[report]));
    return { title: where.name, html: `${areaNote(where)}${sections.join("")}` };
  }

  function areaReport(where, report, figures) {
    const meta = iapt.site.reports[report];
    const all = periods(report);
    const texts = (figures.series[EVERYONE] || []).map((text) => series(text, all));
    const held = all
      .filter((period) => (period.status === "not_published" ? false : texts.some((cells) => cells[period.number])))
      .slice(-6)
      .reverse();
    const links = `<p class="onward">Charts and every period: ${iapt.site.topics.map((topic) => `<a href="../${report}/${topic.slug}.html?org=${encodeURIComponent(where.id)}">${escape(topic.title)}<span class="vh">, ${escape(meta.title.toLowerCase())}</span></a>`).join(", ")}.</p>`;
    const tables = held.length ? [everyoneTable(where, report, figures, all, held)] : [];
    tables.push(remarksOf(report, figures, all));
    if (report !== "monthly")
      tables.push(
        ...variablesOf(figures)
          .map((by) => variableTable(where, report, figures, all, by))
          .filter(Boolean),
      );
    return `<section class="panel" aria-labelledby="${report}-heading"><h2 id="${report}-heading">${escape(meta.title)}</h2>${links}${tables.join("")}</section>`;
  }

  /** Remarks on figures of measures that no page shows: they are in the tables of the release. */
  function remarksOf(report, figures, all) {
    const remarks = (figures.remarks || []).map(
      ([at, name, note]) =>
        `<li><span class="mark">[note]</span> ${escape(`${all[at].label}, ${name} (in the tables of the release alone): ${iapt.site.notes[note][0]} Source: ${iapt.site.notes[note][1]}.`)}</li>`,
    );
    return remarks.length ? `<ul class="notes remarks">${remarks.join("")}</ul>` : "";
  }

  function everyoneTable(where, report, figures, all, held) {
    const rows = iapt.site.measures
      .map((_, number) => measure(number))
      .map((one) => {
        const cells = cellsOf(figures, EVERYONE, one.number, all);
        return {
          header: one.label + (one.unit === "%" && !one.label.includes("%") ? " (%)" : ""),
          keys: [one.slug],
          cells: held.map((period) => cells[period.number]),
        };
      })
      .filter((row) => row.cells.some((read) => read !== null));
    return iapt.tables.html({
      id: `${report}-everyone`,
      caption: `Newest figures by ${iapt.site.reports[report].noun}, everyone, ${where.name}`,
      file: fileName(report, where.id),
      corner: "Measure",
      orgs: [where],
      keys: [{ name: "measure" }],
      rows,
      columns: held.map((period) => ({
        label: `${period.label}${period.breakName ? " [b]" : ""}`,
        slug: period.period,
      })),
    });
  }

  /** What an organisation's page says of the categories of a variable: the newest period that has any. */
  const OF_A_CATEGORY = [
    "count_finished_course_treatment",
    "percentage_recovery",
    "percentage_reliable_improvement",
    "percentage_reliable_recovery",
  ];

  function variableTable(where, report, figures, all, by) {
    const numbers = OF_A_CATEGORY.map((slug) => iapt.site.measures.findIndex((fields) => fields[0] === slug));
    const cells = by.populations.map(({ key }) => numbers.map((number) => cellsOf(figures, key, number, all)));
    const newest = all
      .slice()
      .reverse()
      .find((period) =>
        cells.some((row) => row.some((read) => read[period.number] && read[period.number].status !== "not_published")),
      );
    if (!newest) return "";
    const rows = by.populations
      .map((one, order) => ({
        header: one.label,
        keys: [one.label],
        cells: cells[order].map((read) => read[newest.number]),
      }))
      .filter((row) => row.cells.some((read) => read !== null));
    return iapt.tables.html({
      id: `${report}-${by.type}`,
      caption: `${by.label}, ${newest.label}, ${where.name}`,
      file: fileName(report, where.id, by.type, newest.period),
      corner: by.label,
      orgs: [where],
      keys: [{ name: "population" }],
      columns: numbers.map((number) => ({ label: measure(number).label, slug: measure(number).slug })),
      rows,
    });
  }

  iapt.views = {
    topicState,
    topicChoices,
    topicView,
    recoveryState,
    recoveryPopulations,
    recoveryDefault,
    recoveryView,
    boardsView,
    mapState,
    mapMeasures,
    mapPeriods,
    mapView,
    areaView,
    variablesOf,
    population,
  };
}
