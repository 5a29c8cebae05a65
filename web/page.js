'use strict';
(() => {
// The page asks the server once a second and draws what it hears. Nothing comes from anywhere else.
const at = id => document.getElementById(id);
const SVG = 'http://www.w3.org/2000/svg';
const PARTS = [['strings', '#0b6e8f'], ['lists', '#2f8f5b'], ['sets', '#7a5fc0'], ['hashes', '#b5572a'], ['zsets', '#a23b72'], ['streams', '#5d7a1f'],
  ['table', '#4a6fa5'], ['expiry', '#8a6d1d'], ['limbo', '#c0392b'], ['clients', '#138d90'], ['other', '#6b7780']];
const CLIENTS = ['client', 'client_in', 'client_out'];
let samples = [], minutes = [], columns = [], span = 600, path = ['rss'], tree = null;

function bytes(n) {
  const sign = n < 0 ? '−' : '', units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  for (n = Math.abs(n); n >= 1024 && i < 4; i++) n /= 1024;
  return sign + (i && n < 100 ? n.toFixed(1) : Math.round(n)) + ' ' + units[i];
}
const count = n => Math.round(n).toLocaleString('en');
const clock = s => new Date(s * 1000).toLocaleTimeString([], {hour: '2-digit', minute: '2-digit', second: span <= 600 ? '2-digit' : undefined});
function duration(s) { return s < 90 ? s + ' s' : s < 5400 ? Math.round(s / 60) + ' min' : (s / 3600).toFixed(1) + ' h'; }
function make(tag, attributes, text) {
  const e = document.createElementNS(tag[0] === '*' ? SVG : 'http://www.w3.org/1999/xhtml', tag.replace('*', ''));
  for (const k in attributes || {}) e.setAttribute(k, attributes[k]);
  if (text !== undefined) e.textContent = text;
  return e;
}
async function ask(url) {
  const answer = await fetch(url, {cache: 'no-store'});
  if (!answer.ok && answer.status !== 503) throw new Error(url + ': ' + answer.status);
  return answer.json();
}

// ---- history ----
function record(row) {
  const r = {};
  columns.forEach((name, i) => r[name] = row[i]);
  r.clients_bytes = CLIENTS.reduce((sum, name) => sum + r[name], 0);
  let rest = r.used - r.clients_bytes;
  for (const [name] of PARTS) if (name !== 'clients' && name !== 'other') rest -= r[name];
  r.other = Math.max(0, rest);
  return r;
}
const part = (r, name) => name === 'clients' ? r.clients_bytes : r[name];
async function askHistory() {
  const last = samples.length ? samples[samples.length - 1].time : 0;
  const h = await ask('/api/history?since=' + last);
  columns = h.columns;
  samples = samples.concat(h.rows.map(record)).slice(-3600);
  if (span > 3600) { const m = await ask('/api/history?span=minutes'); columns = m.columns; minutes = m.rows.map(record); }
}
function shown() {
  const end = samples.length ? samples[samples.length - 1].time : 0;
  const all = span > 3600 ? minutes.concat(samples.slice(-1)) : samples;
  return all.filter(r => r.time > end - span);
}

// ---- plots: areas on top of each other, or one line ----
function plot(box, rows, layers, show, line) {
  const w = Math.max(box.clientWidth, 200), h = box.clientHeight, left = 62, bottom = 18, top = 6;
  const old = box.querySelector('svg');
  const svg = make('*svg', {viewBox: `0 0 ${w} ${h}`, 'aria-hidden': 'true'});
  const stacks = rows.map(r => { let s = 0; return layers.map(l => s += l.value(r)); });
  const high = Math.max(4, ...stacks.map(s => s[s.length - 1] || 0), ...(line ? rows.map(line.value) : []));
  const t0 = rows.length ? rows[0].time : 0, t1 = rows.length ? rows[rows.length - 1].time : 1;
  const x = t => left + (w - left - 4) * (t - t0) / Math.max(1, t1 - t0), y = v => top + (h - top - bottom) * (1 - v / high);
  for (let i = 0; i <= 4; i++) {
    const v = high * i / 4;
    svg.append(make('*line', {class: 'grid', x1: left, x2: w, y1: y(v), y2: y(v)}), make('*text', {x: left - 6, y: y(v) + 4, 'text-anchor': 'end'}, show(v)));
  }
  for (let i = 0; i <= 2 && rows.length; i++) {
    svg.append(make('*text', {x: x(t0 + (t1 - t0) * i / 2), y: h - 3, 'text-anchor': ['start', 'middle', 'end'][i]}, clock(t0 + (t1 - t0) * i / 2)));
  }
  layers.forEach((l, k) => {
    const up = rows.map((r, i) => `${x(r.time).toFixed(1)},${y(stacks[i][k]).toFixed(1)}`);
    const down = rows.map((r, i) => `${x(r.time).toFixed(1)},${y(k ? stacks[i][k - 1] : 0).toFixed(1)}`).reverse();
    if (rows.length) svg.append(make('*polygon', {points: up.concat(down).join(' '), fill: l.color, 'fill-opacity': .85}));
  });
  if (line && rows.length) svg.append(make('*polyline', {points: rows.map(r => `${x(r.time).toFixed(1)},${y(line.value(r)).toFixed(1)}`).join(' '), fill: 'none', stroke: line.color, 'stroke-width': 2, 'stroke-dasharray': '5 3'}));
  if (old) old.replaceWith(svg); else box.append(svg);
  box.model = {rows, layers, show, line, x, w, h};
  const r = rows[rows.length - 1];
  if (r) box.setAttribute('aria-label', box.dataset.name + ': ' + show(stacks[stacks.length - 1].slice(-1)[0]) + ' now, at most ' + show(high) + ' in the span shown. Arrow keys read single times.');
  if (box.cursor !== undefined) point(box, box.cursor);
}
function point(box, i) {
  const m = box.model;
  box.querySelectorAll('.cursor').forEach(e => e.remove());
  let tip = box.querySelector('.tip');
  if (i === undefined || !m || !m.rows.length) { if (tip) tip.remove(); box.cursor = undefined; return; }
  i = Math.min(m.rows.length - 1, Math.max(0, i));
  box.cursor = i;
  const r = m.rows[i], at_x = m.x(r.time);
  box.querySelector('svg').append(make('*line', {class: 'cursor', x1: at_x, x2: at_x, y1: 0, y2: m.h - 18}));
  if (!tip) box.append(tip = make('div', {class: 'tip', role: 'status'}));
  tip.replaceChildren(make('strong', {}, clock(r.time)));
  const lines = m.layers.concat(m.line ? [m.line] : []).filter(l => l.value(r) > 0).sort((a, b) => b.value(r) - a.value(r)).slice(0, 8);
  for (const l of lines) { const d = make('div'); d.append(make('i', {style: 'background:' + l.color}), l.name + ' ' + m.show(l.value(r))); tip.append(d); }
  tip.style.left = Math.max(0, Math.min(at_x + 10, m.w - tip.offsetWidth)) + 'px';
}
for (const [id, name] of [['memory-plot', 'Memory used'], ['ops-plot', 'Operations a second'], ['busy-plot', 'Milliseconds in commands']]) {
  const box = at(id);
  box.dataset.name = name;
  box.setAttribute('aria-label', name);
  box.addEventListener('pointermove', e => {
    const m = box.model, x = e.clientX - box.getBoundingClientRect().left;
    if (!m || !m.rows.length) return;
    let best = 0;
    m.rows.forEach((r, i) => { if (Math.abs(m.x(r.time) - x) < Math.abs(m.x(m.rows[best].time) - x)) best = i; });
    point(box, best);
  });
  box.addEventListener('pointerleave', () => point(box));
  box.addEventListener('blur', () => point(box));
  box.addEventListener('keydown', e => {
    const last = box.model ? box.model.rows.length - 1 : 0, now = box.cursor === undefined ? last : box.cursor;
    const to = {ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last}[e.key];
    if (e.key === 'Escape') point(box);
    if (to !== undefined) { e.preventDefault(); point(box, to); }
  });
}
function drawHistory() {
  const rows = shown();
  const layers = PARTS.map(([name, color]) => ({name, color, value: r => part(r, name)}));
  plot(at('memory-plot'), rows, layers, bytes, {name: 'rss', color: 'var(--ink)', value: r => r.rss});
  plot(at('ops-plot'), rows, [{name: 'operations', color: '#0b6e8f', value: r => r.operations}], count);
  plot(at('busy-plot'), rows, [{name: 'busy', color: '#b5572a', value: r => r.busy_us / 1000}], v => (v < 10 ? v.toFixed(1) : count(v)) + ' ms');
  const r = rows[rows.length - 1];
  const used = PARTS.filter(([name]) => r && part(r, name) > 0);
  at('memory-legend').replaceChildren(...used.map(([name, color]) => { const li = make('li'); li.append(make('i', {style: 'background:' + color}), name + ' ' + bytes(part(r, name))); return li; }));
  if (r) { const li = make('li', {}, '┅ rss ' + bytes(r.rss)); at('memory-legend').append(li); }
}
document.querySelectorAll('[data-span]').forEach(b => b.addEventListener('click', async () => {
  span = +b.dataset.span;
  document.querySelectorAll('[data-span]').forEach(o => o.setAttribute('aria-pressed', o === b));
  try { await askHistory(); } catch (e) { /* the next turn says so */ }
  drawHistory();
}));

// ---- the tree ----
const COLORS = {used: '#0b6e8f', allocator: '#8a6d1d', process: '#5d6b75', dataset: '#2f6f9f', clients: '#137d80'};
const colorOf = name => COLORS[name] || (PARTS.find(p => p[0] === name) || [0, '#5d6b75'])[1];
function find(node, names) { return names.length === 1 ? node : find((node.children || []).find(c => c.name === names[1]) || node, names.slice(1)); }
// Rectangles by halves: the list is cut where its bytes are halved, and so the room.
function lay(list, x, y, w, h, out) {
  if (list.length === 0) return;
  if (list.length === 1) { out.push([list[0], x, y, w, h]); return; }
  const total = list.reduce((s, c) => s + c.bytes, 0);
  let k = 1, sum = list[0].bytes;
  while (k < list.length - 1 && sum + list[k].bytes / 2 < total / 2) sum += list[k++].bytes;
  const f = sum / total;
  if (w > h) { lay(list.slice(0, k), x, y, w * f, h, out); lay(list.slice(k), x + w * f, y, w * (1 - f), h, out); }
  else { lay(list.slice(0, k), x, y, w, h * f, out); lay(list.slice(k), x, y + h * f, w, h * (1 - f), out); }
}
function enter(names) { path = names; drawTree(true); }
function drawTree(focus) {
  if (!tree) return;
  const node = find(tree, path), box = at('tree-map'), list = (node.children || [node]).filter(c => c.bytes > 0).sort((a, b) => b.bytes - a.bytes), out = [];
  const held = box.contains(document.activeElement) ? document.activeElement.dataset.name : null;
  lay(list, 0, 0, box.clientWidth, box.clientHeight, out);
  const pieces = out.map(([c, x, y, w, h]) => {
    const open = c.children && c !== node, b = make('button', {type: 'button', 'data-name': c.name, title: c.meaning, style: `left:${x}px;top:${y}px;width:${w}px;height:${h}px;background:${colorOf(c.name)}`});
    b.setAttribute('aria-label', `${c.name}, ${bytes(c.bytes)}, ${c.meaning}${open ? '; opens' : ''}`);
    if (w > 34 && h > 18) b.append(c.name + (open ? ' ▸' : ''), document.createElement('br'), bytes(c.bytes));
    if (open) b.addEventListener('click', () => enter(path.concat(c.name)));
    return b;
  });
  box.replaceChildren(...pieces);
  const again = held && pieces.find(p => p.dataset.name === held);
  if (again) again.focus(); else if (focus && pieces[0]) pieces[0].focus();
  const crumbs = path.map((name, i) => { const b = make('button', {type: 'button'}, name); b.addEventListener('click', () => enter(path.slice(0, i + 1))); if (i === path.length - 1) b.setAttribute('aria-current', 'true'); return b; });
  const nav = at('tree-path');
  if (focus || nav.childElementCount !== crumbs.length) nav.replaceChildren(...crumbs);
  at('tree-table').tBodies[0].replaceChildren(...list.map(c => {
    const tr = make('tr');
    tr.append(make('th', {scope: 'row'}, c.name), make('td', {class: 'n'}, bytes(c.bytes)), make('td', {class: 'n'}, (100 * c.bytes / Math.max(1, node.bytes)).toFixed(1) + ' %'), make('td', {}, c.meaning));
    return tr;
  }));
}

// ---- the rest ----
function figures(memory, ops) {
  const now = [['Used', bytes(memory.used)], ['RSS', bytes(memory.rss)], ['Peak', bytes(memory.peak)], ['Limit', memory.limit ? bytes(memory.limit) : 'none'],
    ['Keys', count(memory.keys)], ['Clients', count(ops.clients)], ['Operations / s', count(ops.operations_per_second)]];
  at('figures').replaceChildren(...now.map(([name, value]) => { const d = make('div'); d.append(make('dt', {}, name), make('dd', {}, value)); return d; }));
}
function loading(l) {
  at('load').hidden = !l.loading;
  if (!l.loading) return;
  at('load-bar').value = l.percent;
  at('load-text').textContent = `${l.percent.toFixed(1)} %: ${bytes(l.loaded_bytes)} of ${bytes(l.total_bytes)}, ${count(l.loaded_keys)} keys, ${count(l.keys_per_second)} keys a second, about ${duration(l.eta_seconds)} left`;
}
function commands(ops) {
  const head = make('tr');
  const micro = v => v < 0 ? '–' : v < 1000 ? v.toFixed(1) + ' µs' : (v / 1000).toFixed(2) + ' ms';
  head.append(make('th', {scope: 'col'}, 'Command'), ...['Calls', 'Mean', ...ops.percentiles.map(p => 'p' + p), 'Failed'].map(t => make('th', {scope: 'col', class: 'n'}, t)));
  const table = at('commands');
  table.tHead.replaceChildren(head);
  const list = ops.commands.sort((a, b) => b.time_us - a.time_us).slice(0, 20);
  table.tBodies[0].replaceChildren(...list.map(c => {
    const tr = make('tr'), cells = [count(c.calls), micro(c.calls ? c.time_us / c.calls : -1), ...c.percentiles_us.map(micro), count(c.failed + c.rejected)];
    tr.append(make('th', {scope: 'row'}, c.name), ...cells.map(t => make('td', {class: 'n'}, t)));
    return tr;
  }));
}
function top(t) {
  at('top-text').textContent = !t.keys.length ? 'There are no keys.' : t.complete ? '' : 'Keys that follow deleted ones are being sought.';
  at('top-list').replaceChildren(...t.keys.map(k => make('li', {}, bytes(k.bytes) + '  ' + k.key + (k.key_length > 256 ? '…' : '') +
    ` (${k.type} of ${k.elements}${k.type === 'string' ? ' bytes' : ''}${k.db ? ', database ' + k.db : ''})`)));
}
// A walk on the server finds these; looking at them makes it walk again when they are old.
function prefixes(p) {
  const groups = p.prefixes.map(g => [g.prefix || '(no “' + p.delimiter + '”)', g.keys, g.bytes]);
  const rest = [p.keys, p.bytes];
  for (const [, keys, size] of groups) { rest[0] -= keys; rest[1] -= size; }
  if (rest[0] > 0) groups.push(['(all others)', ...rest]);
  at('prefixes-text').textContent = !p.known ? 'The server has not walked over its keys yet.'
    : `${count(p.keys)} keys with ${bytes(p.bytes)}, ${duration(Math.round(p.age_ms / 1000))} ago, in ${(p.duration_ms / 1000).toFixed(2)} s. MEMORY PREFIXES 2 goes one level deeper.`;
  at('prefixes').tBodies[0].replaceChildren(...groups.map(([name, keys, size]) => {
    const tr = make('tr'), share = 100 * size / Math.max(1, p.bytes), td = make('td', {title: share.toFixed(1) + ' %'});
    td.append(make('span', {class: 'share', style: `width:${share.toFixed(1)}%`}));
    tr.append(make('th', {scope: 'row'}, name), make('td', {class: 'n'}, count(keys)), make('td', {class: 'n'}, bytes(size)), make('td', {class: 'n'}, bytes(size / Math.max(1, keys))), td);
    return tr;
  }));
}
function say(text, bad) {
  const s = at('status');
  if (s.textContent !== text) s.textContent = text;
  s.className = bad ? 'bad' : '';
}
let turns = 0, prefixesKnown = false;
async function turn() {
  try {
    const [memory, ops, load, keys] = await Promise.all(['/api/memory', '/api/operations', '/api/loading', '/api/top?n=10'].map(ask));
    await askHistory();
    const late = memory.figures_age_ms > 2000;
    say(late ? `${memory.phase}; busy with one command: what it counts is ${duration(Math.round(memory.figures_age_ms / 1000))} old, memory is of now` : memory.phase, late);
    tree = memory.tree;
    figures(memory, ops);
    loading(load);
    drawHistory();
    drawTree();
    commands(ops);
    top(keys);
    if (turns++ % 5 === 0 || !prefixesKnown) {
      const p = await ask('/api/prefixes?count=30');
      prefixesKnown = p.known;
      prefixes(p);
    }
  } catch (e) {
    say('No answer from the server (' + e.message + ')', true);
  }
  setTimeout(turn, 1000);
}
addEventListener('resize', () => { drawHistory(); drawTree(); });
turn();
})();
