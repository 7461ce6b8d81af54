// Charts as SVG text: lines over periods that break where there is no figure, and the tile map. Pure functions.
"use strict";
{
  const { written, withUnit, standing, escape, offTheScale } = iapt.figures;
  // A mark about a place, of a size: one for each line, so that none is told by its colour alone.
  const SHAPES = [
    (x, y, r) => `<circle cx="${x}" cy="${y}" r="${r}"/>`,
    (x, y, r) => `<path d="M${x} ${y}m${-0.9 * r} ${-0.9 * r}h${1.8 * r}v${1.8 * r}h${-1.8 * r}z"/>`,
    (x, y, r) => `<path d="M${x} ${y}m0 ${-1.25 * r}l${1.25 * r} ${2.15 * r}h${-2.5 * r}z"/>`,
    (x, y, r) =>
      `<path d="M${x} ${y}m0 ${-1.4 * r}l${1.4 * r} ${1.4 * r}l${-1.4 * r} ${1.4 * r}l${-1.4 * r} ${-1.4 * r}z"/>`,
    (x, y, r) => `<path d="M${x} ${y}m${-1.25 * r} ${-0.9 * r}h${2.5 * r}l${-1.25 * r} ${2.15 * r}z"/>`,
    (x, y, r) =>
      `<path d="M${x} ${y}m${-0.5 * r} ${-1.4 * r}h${r}v${0.9 * r}h${0.9 * r}v${r}h${-0.9 * r}v${0.9 * r}h${-r}v${-0.9 * r}h${-0.9 * r}v${-r}h${0.9 * r}z"/>`,
  ];

  /** The room of a letter of the drawing's text, generously. */
  const LETTER = 7.6;

  const round = (number) => Math.round(number * 10) / 10;

  /** The ends and steps of a vertical axis that holds all values. */
  function scale(values, unit) {
    if (unit === "%") {
      let least = Math.max(0, Math.floor((Math.min(...values) - 5) / 10) * 10);
      let most = Math.min(100, Math.ceil((Math.max(...values) + 5) / 10) * 10);
      while (most - least < 30) {
        if (most < 100) most += 10;
        if (most - least < 30 && least > 0) least -= 10;
      }
      return { least, most, step: most - least > 50 ? 20 : 10 };
    }
    const top = Math.max(...values, 1);
    const rough = top / 4;
    const power = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = Math.max(
      [1, 2, 2.5, 5, 10].map((times) => times * power).find((one) => one >= rough),
      1,
    );
    return { least: 0, most: Math.ceil(top / step) * step, step };
  }

  /** What the words of a point say of its standard. */
  const judgement = (judged, read, number) =>
    judged && read && read.status === "published" ? `; ${judged.label}: ${standing(read, judged.words[number])}` : "";

  /** Runs of neighbouring numbers for which something holds. */
  function runs(length, holds) {
    const found = [];
    for (let i = 0; i < length; i += 1) {
      if (!holds(i)) continue;
      if (found.length && found[found.length - 1][1] === i - 1) found[found.length - 1][1] = i;
      else found.push([i, i]);
    }
    return found;
  }

  /** Where marks stand that have one width: those that would touch are one mark, in their middle. */
  function apart(places, width) {
    const groups = [];
    for (const place of places) {
      const last = groups[groups.length - 1];
      if (last && place - last[last.length - 1] < width) last.push(place);
      else groups.push([place]);
    }
    return groups.map((group) => round((group[0] + group[group.length - 1]) / 2));
  }

  /** Which periods are labelled below the axis, so that the labels do not touch. */
  function ticks(axis, room) {
    const january = axis.filter((period) => period.period.endsWith("-01"));
    const isMonthly = axis.length && /^\d{4}-\d{2}$/.test(axis[0].period) && axis[0].label.includes(" ");
    const wanted = isMonthly ? (january.length > 1 ? january : axis) : axis;
    const text = (period) => (isMonthly && january.length > 1 ? period.period.slice(0, 4) : period.label);
    const widest = Math.max(...wanted.map((period) => text(period).length), 1) * 7.5 + 14;
    const every = Math.max(1, Math.ceil((wanted.length * widest) / room));
    return wanted.filter((_, number) => number % every === 0).map((period) => [axis.indexOf(period), text(period)]);
  }

  /**
   * Lines over periods.
   * spec: { id, title, description, unit, axis, span, series: [{ label, short, cells, judged }], standard: [{ from, to, value, label }], width }
   * A line is drawn between two neighbouring published figures only, and never over a break. `judged` is how a series
   * stands to its standard: { label, words }, a word a period.
   */
  function lines(spec) {
    const narrow = spec.width < 560;
    const { axis } = spec;
    const found = spec.series.flatMap((one) => one.cells.filter((read) => read && read.status === "published"));
    const plain = found.filter((read) => !read.notes).map((read) => read.value);
    const published = found.filter((read) => !offTheScale(read, plain));
    const hidden = spec.series.some((one) => one.cells.some((read) => read && read.status === "suppressed"));
    const values = published.flatMap((read) => (read.derived ? [read.least, read.most] : [read.value]));
    // Charts side by side have one scale: `span` are the values of all of them.
    const range = scale(
      [...values, ...(spec.span || []), ...spec.standard.map((one) => one.value)].concat(values.length ? [] : [0, 50]),
      spec.unit,
    );
    const named = (one) => iapt.figures.grouped(String(round(one))) + (spec.unit === "%" ? "%" : "");
    const ends = narrow ? [] : endsOf(spec, plain);
    const left = 18 + LETTER * named(range.most).length;
    const right = narrow ? 14 : 26 + LETTER * Math.max(...ends.map((end) => end.text.length), 0);
    const mark = axis.length > 40 ? 2.4 : 3.5;
    // What is off the scale stands above the plot, each figure in a row of its own with its value.
    const off = spec.series
      .flatMap((one, order) => one.cells.map((read, number) => [read, number, order]))
      .filter(([read]) => read && read.status === "published" && offTheScale(read, plain))
      .map(([read]) => read);
    const labels = 20,
      rowHeight = 20;
    const top = 30 + rowHeight * off.length,
      plotHeight = narrow ? 190 : 250;
    const strip = hidden ? 14 * spec.series.length + 10 : 0;
    const height = top + plotHeight + strip + 34;
    const plotWidth = spec.width - left - right;
    const step = axis.length > 1 ? plotWidth / axis.length : plotWidth;
    const x = (number) => round(left + step * (number + 0.5));
    const edge = (number) => round(left + step * number);
    const y = (value) => round(top + plotHeight - ((value - range.least) / (range.most - range.least)) * plotHeight);
    const bottom = top + plotHeight;
    const out = [];
    for (let value = range.least; value <= range.most + 1e-9; value += range.step) {
      out.push(`<line class="grid" x1="${left}" x2="${left + plotWidth}" y1="${y(value)}" y2="${y(value)}"/>`);
      out.push(`<text class="tick" x="${left - 8}" y="${y(value) + 4}" text-anchor="end">${named(value)}</text>`);
    }
    for (const [number, text] of ticks(axis, plotWidth)) {
      out.push(
        `<line class="grid" x1="${x(number)}" x2="${x(number)}" y1="${bottom + strip}" y2="${bottom + strip + 5}"/>`,
      );
      out.push(
        `<text class="tick" x="${x(number)}" y="${bottom + strip + 20}" text-anchor="middle">${escape(text)}</text>`,
      );
    }
    for (const [status, kind] of [
      ["not_loaded", "held"],
      ["not_published", "gap"],
    ]) {
      for (const [first, last] of runs(axis.length, (i) => axis[i].status === status)) {
        out.push(
          `<rect class="${kind}" fill="url(#${spec.id}-${kind})" x="${edge(first)}" y="${top}" width="${round(edge(last + 1) - edge(first))}" height="${plotHeight}"/>`,
        );
        if (kind === "gap") {
          const middle = (edge(first) + edge(last + 1)) / 2;
          const anchor = middle - left < 50 ? "start" : "middle";
          out.push(
            `<text class="note" x="${round(anchor === "start" ? edge(first) : middle)}" y="${labels}" text-anchor="${anchor}">not published</text>`,
          );
        }
      }
    }
    const breaks = axis
      .map((period, number) => [period, number])
      .filter(([period, number]) => period.breakName && number > 0);
    for (const [, number] of breaks)
      out.push(`<line class="break" x1="${edge(number)}" x2="${edge(number)}" y1="${top}" y2="${bottom}"/>`);
    const marked = breaks.filter(([period]) => period.status !== "not_published").map(([, number]) => edge(number));
    for (const at of apart(marked, LETTER * "[b] ".length))
      out.push(`<text class="note" x="${at}" y="${labels}" text-anchor="middle">[b]</text>`);
    for (const one of spec.standard) {
      out.push(
        `<line class="standard" x1="${edge(one.from)}" x2="${edge(one.to + 1)}" y1="${y(one.value)}" y2="${y(one.value)}"/>`,
      );
    }
    spec.series.forEach((one, order) => {
      const marks = [];
      let path = "";
      one.cells.forEach((read, number) => {
        const before = number ? one.cells[number - 1] : null;
        const fact = `<title>${escape(`${one.label}, ${axis[number].label}: ${read && read.status === "published" ? withUnit(read, spec.unit) + (read.notes ? " [note]" : "") : written(read)}${judgement(one.judged, read, number)}`)}</title>`;
        if (read && read.status === "suppressed") {
          const at = bottom + 12 + 14 * order;
          marks.push(`<g class="hidden-figure" data-i="${number}">${fact}${SHAPES[order](x(number), at, 3.5)}</g>`);
        }
        if (!read || read.status !== "published") return;
        if (offTheScale(read, plain)) {
          const isBelow = read.value < range.least;
          const at = 30 + rowHeight * (off.indexOf(read) + 0.5);
          const anchor = number > axis.length / 2 ? "end" : "start";
          marks.push(
            `<g class="noted-figure" data-i="${number}">${fact}<text class="note" x="${round(x(number) + (anchor === "end" ? -10 : 10))}" y="${at + 4}" text-anchor="${anchor}">${isBelow ? "↓" : "↑"} ${escape(withUnit(read, spec.unit))} [note]</text>${SHAPES[order](x(number), at, mark + 1.5)}</g>`,
          );
          return;
        }
        const joined =
          before &&
          before.status === "published" &&
          !offTheScale(before, plain) &&
          !axis[number].cuts &&
          !(one.cuts || []).includes(number);
        path += `${joined ? "L" : "M"}${x(number)} ${y(read.value)}`;
        if (read.derived && y(read.least) - y(read.most) > 2) {
          marks.push(
            `<line class="whisker" x1="${x(number)}" x2="${x(number)}" y1="${y(read.least)}" y2="${y(read.most)}"/>`,
          );
        }
        marks.push(
          `<g${read.notes ? ' class="noted-figure"' : ""} data-i="${number}">${fact}${SHAPES[order](x(number), y(read.value), mark)}</g>`,
        );
      });
      out.push(`<g class="series s${order}"><path class="line" d="${path}"/>${marks.join("")}</g>`);
    });
    out.push(
      ...endLabels(
        ends.map((end) => ({ ...end, x: x(end.number), y: y(end.value) })),
        left + plotWidth + 8,
        top,
        bottom,
      ),
    );
    if (hidden) out.push(`<text class="tick" x="${left - 8}" y="${bottom + 16}" text-anchor="end">[c]</text>`);
    return (
      `<svg class="chart-drawing" viewBox="0 0 ${spec.width} ${height}" width="${spec.width}" height="${height}" role="img" ` +
      `aria-labelledby="${spec.id}-title ${spec.id}-desc" data-left="${left}" data-step="${round(step * 100) / 100}" data-top="${top}" data-bottom="${bottom}">` +
      `<title id="${spec.id}-title">${escape(spec.title)}</title><desc id="${spec.id}-desc">${escape(spec.description)}</desc>` +
      `<defs>${hatch(`${spec.id}-gap`, 45, "gap-line")}${hatch(`${spec.id}-held`, 0, "held-line")}</defs>${out.join("")}</svg>`
    );
  }

  const hatch = (id, angle, kind) =>
    `<pattern id="${id}" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(${angle})"><line class="${kind}" x1="0" x2="0" y1="0" y2="7"/></pattern>`;

  /** What stands beside the ends of lines: each name with its last figure, and the standards. */
  function endsOf(spec, plain) {
    const found = spec.standard.map((one) => ({
      kind: "standard-end",
      text: one.label,
      number: one.to + 0.5,
      value: one.value,
    }));
    spec.series.forEach((one, order) => {
      const last = one.cells
        .map((read, number) => [read, number])
        .filter(([read]) => read && read.status === "published" && !offTheScale(read, plain))
        .pop();
      if (last)
        found.push({
          kind: `s${order}`,
          text: `${one.short} ${withUnit(last[0], spec.unit)}`,
          number: last[1],
          value: last[0].value,
        });
    });
    return found;
  }

  /** The names at the ends of lines, moved apart so that each can be read. */
  function endLabels(ends, x, top, bottom) {
    const sorted = ends.slice().sort((one, other) => one.y - other.y || (one.text < other.text ? -1 : 1));
    let lowest = top - 8;
    for (const end of sorted) {
      end.at = Math.max(end.y, lowest + 16);
      lowest = end.at;
    }
    let highest = bottom + 8;
    for (const end of sorted.slice().reverse()) {
      end.at = Math.min(end.at, highest - 16);
      highest = end.at;
    }
    return sorted.map(
      (end) =>
        `<g class="end ${end.kind}"><path class="leader" d="M${round(end.x + 5)} ${end.y}L${x - 3} ${round(end.at)}"/>` +
        `<text x="${x}" y="${round(end.at + 4)}">${escape(end.text)}</text></g>`,
    );
  }

  /** A sample of the line of a standard, which has no mark. */
  const standardSample =
    '<svg class="sample" viewBox="0 0 36 14" width="36" height="14" aria-hidden="true" focusable="false"><path class="standard" d="M2 7L34 7"/></svg>';

  /** A sample of a line for the list of what is drawn. */
  const sample = (order) =>
    `<svg class="sample" viewBox="0 0 36 14" width="36" height="14" aria-hidden="true" focusable="false"><g class="series s${order}"><path class="line" d="M2 7L34 7"/>${SHAPES[order](18, 7, 3.5)}</g></svg>`;

  /** Up to five classes of equal width over the figures, with round limits. */
  function classes(values, unit) {
    if (!values.length) return [];
    const least = Math.min(...values),
      most = Math.max(...values);
    const rough = Math.max((most - least) / 5, unit === "%" ? 1 : unit === "days" ? 0.5 : 5);
    const power = Math.pow(10, Math.floor(Math.log10(rough)));
    // Limits between which whole figures fall: whole percentages, counts in steps of 5.
    const fits = (one) => one >= rough - 1e-9 && (unit === "days" || one % (unit === "%" ? 1 : 5) === 0);
    const width = [1, 2, 2.5, 5, 10].map((times) => times * power).find(fits);
    const found = [];
    for (let from = Math.floor(least / width) * width; from <= most; from += width) found.push([from, from + width]);
    return found.slice(0, 6);
  }

  const TILE = 78;

  /** Lines of a label that fit a tile. */
  function wrapped(text) {
    const lines = [""];
    for (const word of text.split(" ")) {
      const last = lines[lines.length - 1];
      if (last && (last + " " + word).length > 11) lines.push(word);
      else lines[lines.length - 1] = last ? `${last} ${word}` : word;
    }
    return lines;
  }

  /** Which look an area has: its class, or why it has no figure. */
  const lookOf = (read, limits) =>
    read === null || read === undefined
      ? "none"
      : read.impossible
        ? "gap"
        : read.status === "published"
          ? `class${limits.findIndex(([from, to]) => read.value >= from && read.value < to)}`
          : read.status === "suppressed"
            ? "hidden"
            : "gap";

  const hatches = (id) =>
    `<defs><pattern id="${id}-hidden" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-ground" width="8" height="8"/><line class="gap-line" x1="0" x2="0" y1="0" y2="8"/></pattern>` +
    `<pattern id="${id}-gap" width="8" height="8" patternUnits="userSpaceOnUse"><rect class="hatch-ground" width="8" height="8"/><path class="gap-line" d="M0 4h8M4 0v8"/></pattern></defs>`;

  const fillOf = (look, id) =>
    look === "hidden"
      ? ` fill="url(#${id}-hidden)"`
      : look === "gap" || look === "none"
        ? ` fill="url(#${id}-gap)"`
        : "";

  /** The tile map. spec: { id, title, description, unit, tiles: [{ code, row, column, label, href, name, read }] } */
  function tiles(spec) {
    const limits = classes(
      spec.tiles
        .filter((tile) => tile.read && tile.read.status === "published" && !tile.read.impossible)
        .map((tile) => tile.read.value),
      spec.unit,
    );
    const columns = Math.max(...spec.tiles.map((tile) => tile.column)) + 1;
    const rows = Math.max(...spec.tiles.map((tile) => tile.row)) + 1;
    const drawn = spec.tiles.map((tile) => {
      const look = lookOf(tile.read, limits);
      const x = tile.column * TILE,
        y = tile.row * TILE;
      const value =
        tile.read && tile.read.status === "published"
          ? withUnit(tile.read, spec.unit) + (tile.read.notes ? " [note]" : "")
          : written(tile.read || null);
      const label = wrapped(tile.label);
      const text = label
        .map(
          (line, number) =>
            `<text x="${x + TILE / 2}" y="${y + 22 + 13 * number}" text-anchor="middle">${escape(line)}</text>`,
        )
        .join("");
      return (
        `<a href="${escape(tile.href)}" class="tile ${look}" data-code="${escape(tile.code)}" aria-label="${escape(`${tile.name}: ${value}`)}"><title>${escape(`${tile.name}: ${value}`)}</title>` +
        `<rect x="${x + 2}" y="${y + 2}" width="${TILE - 4}" height="${TILE - 4}" rx="4"${fillOf(look, spec.id)}/>${text}` +
        `<text class="value" x="${x + TILE / 2}" y="${y + TILE - 12}" text-anchor="middle">${escape(value)}</text></a>`
      );
    });
    return (
      `<svg class="tile-map" viewBox="0 0 ${columns * TILE} ${rows * TILE}" role="group" aria-label="${escape(spec.title)}">${hatches(spec.id)}${drawn.join("")}</svg>` +
      key(limits, spec)
    );
  }

  /** Areas with their boundaries. spec.shapes: { width, height, paths: { code: path } } */
  function boundaries(spec) {
    const limits = classes(
      spec.tiles
        .filter((tile) => tile.read && tile.read.status === "published" && !tile.read.impossible)
        .map((tile) => tile.read.value),
      spec.unit,
    );
    const drawn = spec.tiles
      .filter((tile) => spec.shapes.paths[tile.code])
      .map((tile) => {
        const look = lookOf(tile.read, limits);
        const value =
          tile.read && tile.read.status === "published"
            ? withUnit(tile.read, spec.unit) + (tile.read.notes ? " [note]" : "")
            : written(tile.read || null);
        return `<path class="shape ${look}" fill-rule="evenodd" data-code="${escape(tile.code)}" d="${escape(spec.shapes.paths[tile.code])}"${fillOf(look, spec.id)}><title>${escape(`${tile.name}: ${value}`)}</title></path>`;
      });
    return (
      `<svg class="boundary-map" viewBox="0 0 ${spec.shapes.width} ${spec.shapes.height}" role="img" aria-labelledby="${spec.id}-title ${spec.id}-desc">` +
      `<title id="${spec.id}-title">${escape(spec.title)}</title><desc id="${spec.id}-desc">${escape(spec.description)}</desc>${hatches(spec.id)}${drawn.join("")}</svg>`
    );
  }

  function key(limits, spec) {
    const whole = (value) => iapt.figures.grouped(String(round(value)));
    // Limits of whole figures are said without overlap: 40 to 44, 45 to 49.
    const least = spec.unit === "days" ? 0.1 : spec.unit === "%" ? 1 : 5;
    const last = (to) => (spec.unit === "%" ? Math.min(to - least, 100) : to - least);
    const entries = limits.map(([from, to], number) => [
      `class${number}`,
      last(to) <= from ? whole(from) : `${whole(from)} to ${whole(last(to))}`,
    ]);
    if (spec.tiles.some((tile) => tile.read && tile.read.status === "suppressed"))
      entries.push(["hidden", "[c] suppressed"]);
    if (spec.tiles.some((tile) => !tile.read || !["published", "suppressed"].includes(tile.read.status)))
      entries.push(["gap", "[x] or –: no figure"]);
    const unit = spec.unit === "%" ? "%" : spec.unit;
    return `<ul class="key" aria-label="Colours, ${escape(unit)}">${entries
      .map(
        ([look, text]) =>
          `<li><svg class="swatch" viewBox="0 0 22 16" width="22" height="16" aria-hidden="true" focusable="false"><g class="tile ${look}"><rect x="1" y="1" width="20" height="14"${fillOf(look, spec.id)}/></g></svg>${escape(text)}</li>`,
      )
      .join("")}</ul>`;
  }

  iapt.charts = { lines, sample, standardSample, tiles, boundaries, scale, classes };
}
