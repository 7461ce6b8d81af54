// The line chart as SVG text: lines over periods that break where there is no figure. Pure functions.
"use strict";
{
  const { describeCell, escapeHtml, formatStandardStatus, formatWithUnit, groupThousands } = iapt.cells;
  const { isOffScale, isPublished, isSuppressed, listPublished } = iapt.cells;

  /** A mark about a place, of a size: one for each line, so that none is told by its colour alone. */
  const MARK_SHAPES = [
    (x, y, r) => `<circle cx="${x}" cy="${y}" r="${r}"/>`,
    (x, y, r) => `<path d="M${x} ${y}m${-0.9 * r} ${-0.9 * r}h${1.8 * r}v${1.8 * r}h${-1.8 * r}z"/>`,
    (x, y, r) => `<path d="M${x} ${y}m0 ${-1.25 * r}l${1.25 * r} ${2.15 * r}h${-2.5 * r}z"/>`,
    (x, y, r) =>
      `<path d="M${x} ${y}m0 ${-1.4 * r}l${1.4 * r} ${1.4 * r}l${-1.4 * r} ${1.4 * r}l${-1.4 * r} ${-1.4 * r}z"/>`,
    (x, y, r) => `<path d="M${x} ${y}m${-1.25 * r} ${-0.9 * r}h${2.5 * r}l${-1.25 * r} ${2.15 * r}z"/>`,
    (x, y, r) =>
      `<path d="M${x} ${y}m${-0.5 * r} ${-1.4 * r}h${r}v${0.9 * r}h${0.9 * r}v${r}h${-0.9 * r}v${0.9 * r}` +
      `h${-r}v${-0.9 * r}h${-0.9 * r}v${-r}h${0.9 * r}z"/>`,
  ];
  /** As many lines as there are marks to tell them apart by. */
  const MAX_LINES = MARK_SHAPES.length;

  /** The width of a character of the drawing's text, generously; all sizes are in CSS pixels. */
  const CHARACTER_WIDTH = 7.6;
  const NARROW_WIDTH = 560;
  const LABELS_Y = 20;
  const ROW_HEIGHT = 20;
  const STRIP_ROW_HEIGHT = 14;

  const round = (number) => Math.round(number * 10) / 10;

  /** The ends and the step of a vertical axis that holds all values. */
  function chooseScale(values, unit) {
    if (unit === "%") {
      let lower = Math.max(0, Math.floor((Math.min(...values) - 5) / 10) * 10);
      let upper = Math.min(100, Math.ceil((Math.max(...values) + 5) / 10) * 10);
      while (upper - lower < 30) {
        if (upper < 100) upper += 10;
        if (upper - lower < 30 && lower > 0) lower -= 10;
      }
      return { lower, upper, step: upper - lower > 50 ? 20 : 10 };
    }
    const top = Math.max(...values, 1);
    const rough = top / 4;
    const power = Math.pow(10, Math.floor(Math.log10(rough)));
    const steps = [1, 2, 2.5, 5, 10].map((times) => times * power);
    const step = Math.max(
      steps.find((candidate) => candidate >= rough),
      1,
    );
    return { lower: 0, upper: Math.ceil(top / step) * step, step };
  }

  /** Runs of neighbouring numbers for which a condition holds, each as its first and last. */
  function findRuns(length, holds) {
    const runs = [];
    for (let number = 0; number < length; number += 1) {
      if (!holds(number)) continue;
      const last = runs[runs.length - 1];
      if (last && last.last === number - 1) last.last = number;
      else runs.push({ first: number, last: number });
    }
    return runs;
  }

  /** Where marks of one width stand: those that would touch are one mark, in their middle. */
  function mergeTouching(places, width) {
    const groups = [];
    for (const place of places) {
      const group = groups[groups.length - 1];
      if (group && place - group[group.length - 1] < width) group.push(place);
      else groups.push([place]);
    }
    return groups.map((group) => round((group[0] + group[group.length - 1]) / 2));
  }

  /** Which periods are labelled below the axis, so that labels in a width do not touch. */
  function chooseTicks(axis, width) {
    const january = axis.filter((period) => period.period.endsWith("-01"));
    const isMonthly = axis.length > 0 && /^\d{4}-\d{2}$/.test(axis[0].period) && axis[0].label.includes(" ");
    const byYear = isMonthly && january.length > 1;
    const candidates = byYear ? january : axis;
    const label = (period) => (byYear ? period.period.slice(0, 4) : period.label);
    const widest = Math.max(...candidates.map((period) => label(period).length), 1) * 7.5 + 14;
    const every = Math.max(1, Math.ceil((candidates.length * widest) / width));
    return candidates
      .filter((_, position) => position % every === 0)
      .map((period) => ({ number: axis.indexOf(period), label: label(period) }));
  }

  /** A value of the vertical axis in words. */
  const formatAxisValue = (value, unit) => groupThousands(round(value)) + (unit === "%" ? "%" : "");

  /** What stands beside the ends of lines: each name with its last figure, and the standards. */
  function listEndLabels(spec, plain) {
    const standards = spec.standard.map((standard) => ({
      kind: "standard-end",
      text: standard.label,
      number: standard.to + 0.5,
      value: standard.value,
    }));
    const names = spec.series.map((series, order) => {
      const last = listPublished(series.cells)
        .filter(({ cell }) => !isOffScale(cell, plain))
        .pop();
      if (!last) return null;
      const text = `${series.short} ${formatWithUnit(last.cell, spec.unit)}`;
      return { kind: `s${order}`, text, number: last.number, value: last.cell.value };
    });
    return [...standards, ...names.filter(Boolean)];
  }

  /** The measures of the plot, and where a period or a value stands on it. */
  function layOutPlot(spec, scale, endLabels, offScale) {
    const isNarrow = spec.width < NARROW_WIDTH;
    const left = 18 + CHARACTER_WIDTH * formatAxisValue(scale.upper, spec.unit).length;
    const longestLabel = Math.max(...endLabels.map((end) => end.text.length), 0);
    const right = isNarrow ? 14 : 26 + CHARACTER_WIDTH * longestLabel;
    const top = 30 + ROW_HEIGHT * offScale.length;
    const height = isNarrow ? 190 : 250;
    const width = spec.width - left - right;
    const step = spec.axis.length > 1 ? width / spec.axis.length : width;
    const hasSuppressed = spec.series.some((series) => series.cells.some(isSuppressed));
    return {
      left,
      top,
      width,
      height,
      step,
      hasSuppressed,
      bottom: top + height,
      markSize: spec.axis.length > 40 ? 2.4 : 3.5,
      strip: hasSuppressed ? STRIP_ROW_HEIGHT * spec.series.length + 10 : 0,
      x: (number) => round(left + step * (number + 0.5)),
      edge: (number) => round(left + step * number),
      y: (value) => round(top + height - ((value - scale.lower) / (scale.upper - scale.lower)) * height),
    };
  }

  function drawGrid(spec, plot, scale) {
    const parts = [];
    for (let value = scale.lower; value <= scale.upper + 1e-9; value += scale.step) {
      const y = plot.y(value);
      parts.push(`<line class="grid" x1="${plot.left}" x2="${plot.left + plot.width}" y1="${y}" y2="${y}"/>`);
      const text = formatAxisValue(value, spec.unit);
      parts.push(`<text class="tick" x="${plot.left - 8}" y="${y + 4}" text-anchor="end">${text}</text>`);
    }
    const base = plot.bottom + plot.strip;
    for (const { number, label } of chooseTicks(spec.axis, plot.width)) {
      const x = plot.x(number);
      parts.push(`<line class="grid" x1="${x}" x2="${x}" y1="${base}" y2="${base + 5}"/>`);
      parts.push(`<text class="tick" x="${x}" y="${base + 20}" text-anchor="middle">${escapeHtml(label)}</text>`);
    }
    return parts;
  }

  /** Bands over the periods that are not held, and over those that were never published, with those words. */
  function drawBands(spec, plot) {
    const parts = [];
    const drawBand = (kind, { first, last }) => {
      const x = plot.edge(first);
      const width = round(plot.edge(last + 1) - x);
      parts.push(
        `<rect class="${kind}" fill="url(#${spec.id}-${kind})" ` +
          `x="${x}" y="${plot.top}" width="${width}" height="${plot.height}"/>`,
      );
    };
    const withStatus = (status) => findRuns(spec.axis.length, (number) => spec.axis[number].status === status);
    for (const run of withStatus("not_loaded")) drawBand("not-held", run);
    for (const run of withStatus("not_published")) {
      drawBand("gap", run);
      const edge = plot.edge(run.first);
      const middle = (edge + plot.edge(run.last + 1)) / 2;
      const anchor = middle - plot.left < 50 ? "start" : "middle";
      const x = round(anchor === "start" ? edge : middle);
      parts.push(`<text class="note" x="${x}" y="${LABELS_Y}" text-anchor="${anchor}">not published</text>`);
    }
    return parts;
  }

  function drawBreaks(spec, plot) {
    const breaks = spec.axis.map((period, number) => ({ period, number }));
    const named = breaks.filter(({ period, number }) => period.break_name && number > 0);
    const lines = named.map(({ number }) => {
      const x = plot.edge(number);
      return `<line class="break" x1="${x}" x2="${x}" y1="${plot.top}" y2="${plot.bottom}"/>`;
    });
    const places = named
      .filter(({ period }) => period.status !== "not_published")
      .map(({ number }) => plot.edge(number));
    const marks = mergeTouching(places, CHARACTER_WIDTH * "[b] ".length).map(
      (x) => `<text class="note" x="${x}" y="${LABELS_Y}" text-anchor="middle">[b]</text>`,
    );
    return [...lines, ...marks];
  }

  const drawStandard = (standard, plot) => {
    const y = plot.y(standard.value);
    return (
      `<line class="standard" x1="${plot.edge(standard.from)}" x2="${plot.edge(standard.to + 1)}" ` +
      `y1="${y}" y2="${y}"/>`
    );
  };

  /** A point in words: whose figure it is, of when, and how it stands to its standard. */
  function describePoint(spec, series, cell, number) {
    const { standard } = series;
    const status =
      standard && isPublished(cell)
        ? `; ${standard.label}: ${formatStandardStatus(cell, standard.statuses[number])}`
        : "";
    return `${series.label}, ${spec.axis[number].label}: ${describeCell(cell, spec.unit)}${status}`;
  }

  /** A figure off the scale: above the plot in a row of its own, with its value, in no line. */
  function drawOffScale(spec, plot, point) {
    const { cell, number, row, title, drawMark } = point;
    const y = 30 + ROW_HEIGHT * (row + 0.5);
    const x = plot.x(number);
    const anchor = number > spec.axis.length / 2 ? "end" : "start";
    const arrow = point.isBelow ? "↓" : "↑";
    return (
      `<g class="noted-figure" data-i="${number}">${title}<text class="note" ` +
      `x="${round(x + (anchor === "end" ? -10 : 10))}" y="${y + 4}" text-anchor="${anchor}">` +
      `${arrow} ${escapeHtml(formatWithUnit(cell, spec.unit))} [note]</text>${drawMark(x, y, plot.markSize + 1.5)}</g>`
    );
  }

  /** One series: its line between neighbouring published figures, its points, and its suppressed figures below. */
  function drawSeries(spec, plot, scale, order, plain, offScale) {
    const series = spec.series[order];
    const drawMark = MARK_SHAPES[order];
    const marks = [];
    const isOnLine = (cell) => isPublished(cell) && !isOffScale(cell, plain);
    const isBreak = (number) => spec.axis[number].breaks_sums || (series.breaks || []).includes(number);
    let path = "";
    series.cells.forEach((cell, number) => {
      const title = `<title>${escapeHtml(describePoint(spec, series, cell, number))}</title>`;
      const x = plot.x(number);
      if (isSuppressed(cell)) {
        const y = plot.bottom + 12 + STRIP_ROW_HEIGHT * order;
        marks.push(`<g class="suppressed-figure" data-i="${number}">${title}${drawMark(x, y, 3.5)}</g>`);
      }
      if (!isPublished(cell)) return;
      if (!isOnLine(cell)) {
        const isBelow = cell.value < scale.lower;
        marks.push(
          drawOffScale(spec, plot, {
            cell,
            number,
            row: offScale.indexOf(cell),
            title,
            drawMark,
            isBelow,
          }),
        );
        return;
      }
      const y = plot.y(cell.value);
      const isJoined = number > 0 && isOnLine(series.cells[number - 1]) && !isBreak(number);
      path += `${isJoined ? "L" : "M"}${x} ${y}`;
      if (cell.isDerived && plot.y(cell.lower) - plot.y(cell.upper) > 2) {
        const ends = `y1="${plot.y(cell.lower)}" y2="${plot.y(cell.upper)}"`;
        marks.push(`<line class="whisker" x1="${x}" x2="${x}" ${ends}/>`);
      }
      const noted = cell.notes ? ' class="noted-figure"' : "";
      marks.push(`<g${noted} data-i="${number}">${title}${drawMark(x, y, plot.markSize)}</g>`);
    });
    return `<g class="series s${order}"><path class="line" d="${path}"/>${marks.join("")}</g>`;
  }

  /** The names at the ends of lines, moved apart so that each can be read. */
  function drawEndLabels(endLabels, plot) {
    const x = plot.left + plot.width + 8;
    const ends = endLabels.map((end) => ({ ...end, x: plot.x(end.number), y: plot.y(end.value) }));
    ends.sort((one, other) => one.y - other.y || (one.text < other.text ? -1 : 1));
    let lowest = plot.top - 8;
    for (const end of ends) {
      end.labelY = Math.max(end.y, lowest + 16);
      lowest = end.labelY;
    }
    let highest = plot.bottom + 8;
    for (const end of ends.slice().reverse()) {
      end.labelY = Math.min(end.labelY, highest - 16);
      highest = end.labelY;
    }
    return ends.map(
      (end) =>
        `<g class="end ${end.kind}">` +
        `<path class="leader" d="M${round(end.x + 5)} ${end.y}L${x - 3} ${round(end.labelY)}"/>` +
        `<text x="${x}" y="${round(end.labelY + 4)}">${escapeHtml(end.text)}</text></g>`,
    );
  }

  const drawHatch = (id, angle, line) =>
    `<pattern id="${id}" width="7" height="7" patternUnits="userSpaceOnUse" ` +
    `patternTransform="rotate(${angle})"><line class="${line}" x1="0" x2="0" y1="0" y2="7"/></pattern>`;

  /**
   * Lines over periods, as SVG text.
   *
   * spec: { id, title, description, unit, axis, width, series, standard, span }. A series is { label, short, cells,
   * breaks, standard }: `breaks` are the numbers of the periods at which its line breaks, and its `standard` says how
   * it stands to one, { label, statuses }. `spec.standard` are the lines of standards, { from, to, value, label }.
   * `span` are the values of all charts side by side, which share one scale. A line is drawn between two neighbouring
   * published figures only, and never over a break.
   */
  function drawLineChart(spec) {
    const published = spec.series.flatMap((series) => series.cells.filter(isPublished));
    const plain = published.filter((cell) => !cell.notes).map((cell) => cell.value);
    const offScale = published.filter((cell) => isOffScale(cell, plain));
    const values = published
      .filter((cell) => !isOffScale(cell, plain))
      .flatMap((cell) => (cell.isDerived ? [cell.lower, cell.upper] : [cell.value]));
    const others = [...(spec.span || []), ...spec.standard.map((standard) => standard.value)];
    const scale = chooseScale([...values, ...others, ...(values.length ? [] : [0, 50])], spec.unit);
    const endLabels = spec.width < NARROW_WIDTH ? [] : listEndLabels(spec, plain);
    const plot = layOutPlot(spec, scale, endLabels, offScale);
    const parts = [
      ...drawGrid(spec, plot, scale),
      ...drawBands(spec, plot),
      ...drawBreaks(spec, plot),
      ...spec.standard.map((standard) => drawStandard(standard, plot)),
      ...spec.series.map((_, order) => drawSeries(spec, plot, scale, order, plain, offScale)),
      ...drawEndLabels(endLabels, plot),
    ];
    if (plot.hasSuppressed) {
      parts.push(`<text class="tick" x="${plot.left - 8}" y="${plot.bottom + 16}" text-anchor="end">[c]</text>`);
    }
    const height = plot.bottom + plot.strip + 34;
    return (
      `<svg class="chart-drawing" viewBox="0 0 ${spec.width} ${height}" width="${spec.width}" height="${height}" ` +
      `role="img" aria-labelledby="${spec.id}-title ${spec.id}-desc" data-left="${plot.left}" ` +
      `data-step="${round(plot.step * 100) / 100}" data-top="${plot.top}" data-bottom="${plot.bottom}">` +
      `<title id="${spec.id}-title">${escapeHtml(spec.title)}</title>` +
      `<desc id="${spec.id}-desc">${escapeHtml(spec.description)}</desc>` +
      `<defs>${drawHatch(`${spec.id}-gap`, 45, "gap-line")}${drawHatch(`${spec.id}-not-held`, 0, "not-held-line")}` +
      `</defs>${parts.join("")}</svg>`
    );
  }

  const SAMPLE = '<svg class="sample" viewBox="0 0 36 14" width="36" height="14" aria-hidden="true" focusable="false">';

  /** A sample of the line of a standard, which has no mark. */
  const STANDARD_SAMPLE = `${SAMPLE}<path class="standard" d="M2 7L34 7"/></svg>`;

  /** A sample of a line for the list of what is drawn. */
  const drawSample = (order) =>
    `${SAMPLE}<g class="series s${order}"><path class="line" d="M2 7L34 7"/>` +
    `${MARK_SHAPES[order](18, 7, 3.5)}</g></svg>`;

  iapt.lineChart = { MAX_LINES, STANDARD_SAMPLE, drawLineChart, drawSample };
}
