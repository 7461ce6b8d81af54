// The maps as SVG text: equal tiles, and real boundaries where the site has some. Pure functions.
"use strict";
{
  const { describeCell, escapeHtml, groupThousands, isPublished, isSuppressed } = iapt.cells;
  /** The side of a tile, in CSS pixels, and how many characters of its label fit a line. */
  const TILE_SIZE = 78;
  const LINE_LENGTH = 11;
  const MAX_CLASSES = 6;
  /** The least step between two figures of a unit: counts are in fives. */
  const STEPS = { "%": 1, days: 0.1 };
  const COUNT_STEP = 5;

  const isKnown = (cell) => isPublished(cell) && !cell.isImpossible;

  /** Up to six classes of equal width over the figures, with round limits, each { from, to }. */
  function chooseClasses(values, unit) {
    if (!values.length) return [];
    const lowest = Math.min(...values);
    const highest = Math.max(...values);
    const narrowest = unit === "days" ? 0.5 : STEPS[unit] || COUNT_STEP;
    const rough = Math.max((highest - lowest) / 5, narrowest);
    const power = Math.pow(10, Math.floor(Math.log10(rough)));
    // Limits between which whole figures fall: whole percentages, counts in steps of 5.
    const fits = (width) => width >= rough - 1e-9 && (unit === "days" || width % (STEPS[unit] || COUNT_STEP) === 0);
    const width = [1, 2, 2.5, 5, 10].map((times) => times * power).find(fits);
    const classes = [];
    for (let from = Math.floor(lowest / width) * width; from <= highest; from += width) {
      classes.push({ from, to: from + width });
    }
    return classes.slice(0, MAX_CLASSES);
  }

  /** The lines of a label that fit a tile. */
  function wrapLabel(text) {
    const lines = [""];
    for (const word of text.split(" ")) {
      const last = lines[lines.length - 1];
      if (last && `${last} ${word}`.length > LINE_LENGTH) lines.push(word);
      else lines[lines.length - 1] = last ? `${last} ${word}` : word;
    }
    return lines;
  }

  /** The CSS class of an area: its class of values, or why it has no figure. */
  function chooseLook(cell, classes) {
    if (!cell) return "none";
    if (isKnown(cell)) return `class${classes.findIndex(({ from, to }) => cell.value >= from && cell.value < to)}`;
    return isSuppressed(cell) ? "suppressed" : "gap";
  }

  const HATCHES = { suppressed: "suppressed", gap: "gap", none: "gap" };
  const formatFill = (look, id) => (HATCHES[look] ? ` fill="url(#${id}-${HATCHES[look]})"` : "");

  function drawHatches(id) {
    const pattern = (kind, more) =>
      `<pattern id="${id}-${kind}" width="8" height="8" patternUnits="userSpaceOnUse"${more}>`;
    const ground = '<rect class="hatch-ground" width="8" height="8"/>';
    return (
      `<defs>${pattern("suppressed", ' patternTransform="rotate(45)"')}${ground}` +
      '<line class="gap-line" x1="0" x2="0" y1="0" y2="8"/></pattern>' +
      `${pattern("gap", "")}${ground}<path class="gap-line" d="M0 4h8M4 0v8"/></pattern></defs>`
    );
  }

  const classesOf = (spec) =>
    chooseClasses(
      spec.tiles.filter((tile) => isKnown(tile.cell)).map((tile) => tile.cell.value),
      spec.unit,
    );

  function drawTile(spec, classes, tile) {
    const look = chooseLook(tile.cell, classes);
    const left = tile.column * TILE_SIZE;
    const top = tile.row * TILE_SIZE;
    const middle = left + TILE_SIZE / 2;
    const value = escapeHtml(describeCell(tile.cell, spec.unit));
    const label = wrapLabel(tile.label).map(
      (line, number) =>
        `<text x="${middle}" y="${top + 22 + 13 * number}" text-anchor="middle">${escapeHtml(line)}</text>`,
    );
    const name = `${escapeHtml(tile.name)}: ${value}`;
    const side = TILE_SIZE - 4;
    return (
      `<a href="${escapeHtml(tile.href)}" class="tile ${look}" data-code="${escapeHtml(tile.code)}" ` +
      `aria-label="${name}"><title>${name}</title>` +
      `<rect x="${left + 2}" y="${top + 2}" width="${side}" height="${side}" rx="4"${formatFill(look, spec.id)}/>` +
      `${label.join("")}<text class="value" x="${middle}" y="${top + TILE_SIZE - 12}" text-anchor="middle">` +
      `${value}</text></a>`
    );
  }

  /** The list of classes and of looks without a figure. Limits of whole figures do not overlap: 40 to 44, 45 to 49. */
  function drawKey(spec, classes) {
    const step = STEPS[spec.unit] || COUNT_STEP;
    const format = (value) => groupThousands(Math.round(value * 10) / 10);
    const entries = classes.map(({ from, to }, number) => {
      const last = spec.unit === "%" ? Math.min(to - step, 100) : to - step;
      const text = last <= from ? format(from) : `${format(from)} to ${format(last)}`;
      return { look: `class${number}`, text };
    });
    const cells = spec.tiles.map((tile) => tile.cell);
    if (cells.some(isSuppressed)) entries.push({ look: "suppressed", text: "[c] suppressed" });
    if (cells.some((cell) => !isPublished(cell) && !isSuppressed(cell))) {
      entries.push({ look: "gap", text: "[x] or –: no figure" });
    }
    const items = entries.map(
      ({ look, text }) =>
        '<li><svg class="swatch" viewBox="0 0 22 16" width="22" height="16" aria-hidden="true" focusable="false">' +
        `<g class="tile ${look}"><rect x="1" y="1" width="20" height="14"${formatFill(look, spec.id)}/></g></svg>` +
        `${escapeHtml(text)}</li>`,
    );
    return `<ul class="key" aria-label="Colours, ${escapeHtml(spec.unit)}">${items.join("")}</ul>`;
  }

  /** The tile map. spec: { id, title, unit, tiles: [{ code, row, column, label, href, name, cell }] } */
  function drawTileMap(spec) {
    const classes = classesOf(spec);
    const count = (side) => Math.max(...spec.tiles.map((tile) => tile[side])) + 1;
    const viewBox = `0 0 ${count("column") * TILE_SIZE} ${count("row") * TILE_SIZE}`;
    const tiles = spec.tiles.map((tile) => drawTile(spec, classes, tile));
    return (
      `<svg class="tile-map" viewBox="${viewBox}" role="group" aria-label="${escapeHtml(spec.title)}">` +
      `${drawHatches(spec.id)}${tiles.join("")}</svg>${drawKey(spec, classes)}`
    );
  }

  /** Areas with their boundaries. spec.shapes: { width, height, paths: { code: path } } */
  function drawBoundaryMap(spec) {
    const classes = classesOf(spec);
    const { width, height, paths } = spec.shapes;
    const shapes = spec.tiles
      .filter((tile) => paths[tile.code])
      .map((tile) => {
        const look = chooseLook(tile.cell, classes);
        return (
          `<path class="shape ${look}" fill-rule="evenodd" data-code="${escapeHtml(tile.code)}" ` +
          `d="${escapeHtml(paths[tile.code])}"${formatFill(look, spec.id)}>` +
          `<title>${escapeHtml(`${tile.name}: ${describeCell(tile.cell, spec.unit)}`)}</title></path>`
        );
      });
    return (
      `<svg class="boundary-map" viewBox="0 0 ${width} ${height}" role="img" ` +
      `aria-labelledby="${spec.id}-title ${spec.id}-desc">` +
      `<title id="${spec.id}-title">${escapeHtml(spec.title)}</title>` +
      `<desc id="${spec.id}-desc">${escapeHtml(spec.description)}</desc>${drawHatches(spec.id)}${shapes.join("")}</svg>`
    );
  }

  iapt.mapChart = { drawBoundaryMap, drawTileMap };
}
