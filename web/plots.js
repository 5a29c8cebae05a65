// Figures over time. dygraphs draws them where the build has it; the figures are there as text and as tables either way. All plots
// have one cursor and one frame in time: what a pointer or the arrow keys read in one is read in all, and so is what is zoomed.
const PLOTS = [
  {id: 'memory-plot', name: 'Memory', show: bytes, ticks: byteTicks, stacked: true,
   series: PARTS.map(name => ({name, value: r => r[name]})).concat({name: 'rss', line: true, value: r => r.rss})},
  {id: 'ops-plot', name: 'Commands a second', show: count, ticks: countTicks, series: [{name: 'commands', value: r => r.operations}]},
  {id: 'latency-plot', name: 'Time of a command', show: micro, ticks: decadeTicks, decades: true,
   series: [{name: 'slowest', value: r => r.slowest_us || null}, {name: 'mean', value: r => r.operations ? Math.max(.1, r.busy_us / r.operations) : null}]},
];
const TABLE_ROWS = 12;
let cursor = null, frame = null, span = 600; // seconds; null: now, and all of the span

function ticksBy(step, low, high, show) {
  const list = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) list.push({v, label: show(v)});
  return list;
}
// Whole seconds, none at an end of the axis, where its label would stand in the way of the other axis's.
function timeTicks(low, high, ...more) {
  const margin = (high - low) * .035;
  return Dygraph.dateTicker(low, high, ...more).filter(t => t.v % 1000 === 0 && t.v > low + margin && t.v < high - margin)
    .map(t => ({v: t.v, label: clock(t.v / 1000, high - low < 6e5 ? 0 : high - low < 864e5 ? 3601 : DAY)}));
}
function byteTicks(low, high, pixels) { return ticksBy(2 ** Math.ceil(Math.log2(Math.max(1, (high - low) / Math.max(2, pixels / 45)))), low, high, bytes); }
function countTicks(low, high, pixels) {
  const least = Math.max(1, (high - low) / Math.max(2, pixels / 40)), decade = 10 ** Math.floor(Math.log10(least));
  return ticksBy(decade * [1, 2, 5, 10].find(k => k * decade >= least), low, high, count);
}
function decadeTicks(low, high) {
  const list = [];
  for (let v = 0.1; v <= high * 1.01; v *= 10) if (v >= low * .99) list.push({v, label: micro(v)});
  return list;
}

// ---- one plot ----
for (const p of PLOTS) {
  p.hidden = new Set();
  p.rows = [];
  p.canvas = make('div', {'aria-hidden': 'true'});
  p.mark = make('i', {class: 'mark', hidden: ''});
  p.view = make('div', {class: 'view' + (p.stacked ? '' : ' small'), tabindex: 0, role: 'slider', 'aria-label': p.name + ' over time', 'aria-describedby': 'plot-keys', 'aria-valuemin': 0}, p.canvas, p.mark);
  p.time = make('strong');
  p.legend = make('ul', {class: 'legend'}, make('li', {}, p.time));
  p.table = make('table', {}, make('caption', {}, p.name + ' over time'), make('thead'), make('tbody'));
  p.details = make('details', {}, make('summary', {}, 'As a table'), make('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': p.name + ' as a table'}, p.table));
  if (window.Dygraph) at(p.id).append(p.view, p.legend, p.details);
  else { p.details.open = true; at(p.id).append(p.legend, p.details); }
  p.series.forEach((s, i) => p.legend.append(entry(p, s, i)));
  p.details.addEventListener('toggle', () => fillTable(p));
  listen(p);
}
// A line of the legend: the figure at the cursor. With plots it is a button that hides its series and shows it again.
function entry(p, s, i) {
  s.figure = make('span');
  const text = [make('i', {class: 'swatch' + (s.line ? ' dashed' : ''), style: `--tone:var(--${s.name})`}), s.name + ' ', s.figure];
  if (!window.Dygraph) return s.item = make('li', {}, ...text);
  const button = make('button', {type: 'button', 'aria-pressed': true}, ...text);
  button.addEventListener('click', () => {
    p.hidden[p.hidden.has(s) ? 'delete' : 'add'](s);
    button.setAttribute('aria-pressed', !p.hidden.has(s));
    draw(p);
  });
  return s.item = make('li', {}, button);
}
const rowAt = (p, time) => p.rows.reduce((best, r, i) => Math.abs(r.time - time) < Math.abs(p.rows[best].time - time) ? i : best, 0);
const inFrame = rows => frame ? rows.filter(r => r.time >= frame[0] && r.time <= frame[1]) : rows;

function options(p, shown) {
  const visible = p.series.filter(s => !p.hidden.has(s)), stack = visible.filter(s => !s.line);
  const high = Math.max(...shown.map(r => Math.max(p.stacked ? stack.reduce((sum, s) => sum + s.value(r), 0) : 0, ...visible.map(s => s.value(r) || 0))), p.stacked ? 4096 : 10);
  const valueRange = p.decades ? [.1, 10 ** Math.ceil(Math.log10(high * 1.2))] : [0, high * 1.08];
  const order = p.series.slice().reverse(); // the last one is drawn at the bottom of a stack
  return {
    file: p.rows.map(r => [new Date(r.time * 1000), ...order.map(s => s.value(r))]),
    labels: ['time', ...order.map(s => s.name)],
    colors: order.map(s => tone(s.name)),
    visibility: order.map(s => !p.hidden.has(s)),
    dateWindow: frame && frame.map(t => t * 1000),
    axisLineColor: tone('line'), gridLineColor: tone('line'),
    axes: {y: {valueRange, ticker: p.ticks, axisLabelWidth: 66, logscale: !!p.decades, gridLineWidth: 1},
      y2: {valueRange, drawAxis: false, drawGrid: false}, x: {drawGrid: false, pixelsPerLabel: 64, ticker: timeTicks}},
  };
}
const FLAT = e => ({pageX: e.pageX, pageY: FLAT.y}); // so that only time is zoomed
const ACTIONS = {
  mousedown(e, g, c) { if (e.button) return; FLAT.y = e.pageY; c.initializeMouseDown(e, g, c); (e.shiftKey ? Dygraph.startPan : Dygraph.startZoom)(e, g, c); },
  mousemove(e, g, c) { if (c.isPanning) Dygraph.movePan(e, g, c); else if (c.isZooming) Dygraph.moveZoom(FLAT(e), g, c); },
  mouseup(e, g, c) { if (c.isPanning) { Dygraph.endPan(e, g, c); setFrame(g.xAxisRange().map(t => t / 1000)); } else if (c.isZooming) Dygraph.endZoom(FLAT(e), g, c); },
  mouseout(e, g, c) { if (c.isZooming) Dygraph.moveZoom(FLAT(e), g, c); },
  dblclick() { setFrame(null); },
};
function draw(p) {
  const shown = inFrame(p.rows);
  if (window.Dygraph && p.rows.length > 1 && !p.dragging) {
    const o = options(p, shown.length ? shown : p.rows);
    if (p.graph) p.graph.updateOptions(o);
    else {
      const series = p.stacked ? {rss: {axis: 'y2', fillGraph: false, strokePattern: [6, 3], strokeWidth: 2}} : {};
      const {file, ...rest} = o;
      p.graph = new Dygraph(p.canvas, file, {...rest, series, stackedGraph: !!p.stacked, fillGraph: !p.decades, fillAlpha: p.stacked ? .82 : .25,
        strokeWidth: p.stacked ? 1 : 2, highlightCircleSize: p.stacked ? 2 : 4, legend: 'never', xRangePad: 2, rightGap: 8, axisLabelFontSize: 12,
        interactionModel: ACTIONS, zoomCallback: (from, to) => setFrame([from / 1000, to / 1000])});
    }
  }
  p.view.setAttribute('aria-valuemax', Math.max(0, p.rows.length - 1));
  read(p);
  fillTable(p);
}
function drawPlots(rows) {
  for (const p of PLOTS) { p.rows = rows; draw(p); }
}

// ---- the cursor and the frame ----
function read(p) {
  const i = cursor === null ? p.rows.length - 1 : rowAt(p, cursor), r = p.rows[i];
  if (!r) return;
  p.time.textContent = cursor === null ? 'now' : clock(r.time, span);
  for (const s of p.series) {
    const value = s.value(r);
    s.figure.textContent = value === null ? '–' : p.show(value);
    s.item.hidden = p.stacked && !p.hidden.has(s) && !p.rows.some(x => s.value(x) > 0);
  }
  const spoken = p.series.filter(s => s.value(r) > 0).sort((a, b) => b.value(r) - a.value(r)).map(s => s.name + ' ' + p.show(s.value(r)));
  p.view.setAttribute('aria-valuenow', i);
  p.view.setAttribute('aria-valuetext', `${p.time.textContent}${p.stacked ? ', used ' + bytes(r.used) : ''}: ${spoken.join(', ') || 'nothing'}`);
  if (!p.graph) return;
  p.graph.clearSelection();
  if (cursor !== null) p.graph.setSelection(i);
  const x = cursor === null ? -1 : p.graph.toDomXCoord(r.time * 1000), {x: left, y: top, w, h} = p.graph.getArea();
  p.mark.hidden = x < left || x > left + w;
  p.mark.style.cssText = `left:${x}px;top:${top}px;height:${h}px`;
}
function setCursor(time) { cursor = time; PLOTS.forEach(read); }
function setFrame(to) {
  const all = PLOTS[0].rows;
  const [first, last] = all.length ? [all[0].time, all[all.length - 1].time] : [0, 0];
  if (to) to = [Math.max(first, to[0]), Math.min(last, to[1])];
  frame = to && to[1] - to[0] >= 2 && (to[0] > first || to[1] < last) ? to : null;
  at('zoom-all').disabled = !frame;
  PLOTS.forEach(draw);
}
function zoom(factor) {
  const all = PLOTS[0].rows;
  if (all.length < 2) return;
  const [from, to] = frame || [all[0].time, all[all.length - 1].time];
  const about = cursor === null ? to : Math.min(to, Math.max(from, cursor));
  setFrame([about - (about - from) * factor, about + (to - about) * factor]);
}
function pan(part) {
  if (!frame) return;
  const all = PLOTS[0].rows, width = frame[1] - frame[0];
  const from = Math.max(all[0].time, Math.min(all[all.length - 1].time - width, frame[0] + part * width));
  setFrame([from, from + width]);
}
function step(p, key) {
  const shown = inFrame(p.rows), last = shown.length - 1;
  if (last < 0) return;
  const now = cursor === null ? last : shown.indexOf(p.rows[rowAt(p, cursor)]);
  const jump = Math.max(1, Math.round(last / 10));
  const to = {ArrowLeft: now - 1, ArrowRight: now + 1, PageUp: now - jump, PageDown: now + jump, Home: 0, End: last}[key];
  setCursor(shown[Math.min(last, Math.max(0, to))].time);
}
function listen(p) {
  const keys = {'+': () => zoom(.5), '=': () => zoom(.5), '-': () => zoom(2), '0': () => setFrame(null), Escape: () => setCursor(null)};
  p.view.addEventListener('keydown', e => {
    if (e.ctrlKey || e.altKey || e.metaKey) return;
    const act = keys[e.key] || (e.shiftKey && {ArrowLeft: () => pan(-.25), ArrowRight: () => pan(.25)}[e.key])
      || (/^(Arrow(Left|Right)|Page(Up|Down)|Home|End)$/.test(e.key) && (() => step(p, e.key)));
    if (act) { e.preventDefault(); act(); }
  });
  p.view.addEventListener('blur', () => setCursor(null));
  const point = e => {
    if (p.graph) setCursor(p.rows[rowAt(p, p.graph.toDataXCoord(e.clientX - p.canvas.getBoundingClientRect().left) / 1000)].time);
  };
  p.view.addEventListener('pointermove', point);
  p.view.addEventListener('pointerdown', e => { p.dragging = true; point(e); });
  p.view.addEventListener('pointerleave', e => { if (e.pointerType === 'mouse') setCursor(null); });
  addEventListener('pointerup', () => { p.dragging = false; });
  addEventListener('pointercancel', () => { p.dragging = false; });
}
function fillTable(p) {
  if (!p.details.open) return;
  const all = inFrame(p.rows), few = Math.min(TABLE_ROWS, all.length), list = [];
  for (let i = few; i-- > 0;) list.push(all[all.length - 1 - Math.round((few - 1 - i) * (all.length - 1) / Math.max(1, few - 1))]);
  const shown = p.series.filter(s => list.some(r => s.value(r) > 0)).sort((a, b) => !!b.line - !!a.line);
  if (p.stacked) shown.unshift({name: 'used', value: r => r.used});
  p.table.tHead.replaceChildren(make('tr', {}, make('th', {scope: 'col'}, 'Time'), ...shown.map(s => make('th', {scope: 'col', class: 'n'}, s.name))));
  p.table.tBodies[0].replaceChildren(...list.map(r => row(clock(r.time, span), ...shown.map(s => cell(s.value(r) === null ? '–' : p.show(s.value(r)))))));
}
if (window.Dygraph) {
  at('zoom').hidden = false;
  at('zoom-in').addEventListener('click', () => zoom(.5));
  at('zoom-out').addEventListener('click', () => zoom(2));
  at('zoom-all').addEventListener('click', () => setFrame(null));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => PLOTS.forEach(draw));
} else {
  at('plain').hidden = false;
  at('plot-keys').hidden = true;
}
