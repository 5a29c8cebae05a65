// The page asks the server once a second and shows what it hears. Nothing comes from anywhere else.
const ROWS_MAX = 900; // more than a plot has pixels to show
let samples = [], minutes = [], columns = [];

// ---- history ----
function record(values) {
  const r = {};
  columns.forEach((name, i) => r[name] = values[i]);
  r.clients_count = r.clients;
  r.clients = CLIENTS.reduce((sum, name) => sum + r[name], 0);
  r.other = Math.max(0, PARTS.reduce((rest, name) => name === 'other' ? rest : rest - r[name], r.used));
  return r;
}
async function askHistory() {
  const last = samples.length ? samples[samples.length - 1].time : 0;
  const h = await ask('/api/history?since=' + last);
  columns = h.columns;
  samples = samples.concat(h.rows.map(record)).slice(-3600);
  if (span > 3600) { const m = await ask('/api/history?span=minutes'); minutes = m.rows.map(record); }
}
// Of several rows that fall on one place: that with most memory, and the slowest command of them all.
function fullest(rows) {
  const r = rows.reduce((best, x) => x.used > best.used ? x : best);
  return {...r, slowest_us: Math.max(...rows.map(x => x.slowest_us))};
}
function shown() {
  const end = samples.length ? samples[samples.length - 1].time : 0;
  const all = (span > 3600 ? minutes.concat(samples.slice(-1)) : samples).filter(r => r.time > end - span);
  const width = Math.ceil(all.length / ROWS_MAX), rows = [];
  if (width <= 1) return all;
  // Cut at times, not at counts: else every new row would shift what all others show.
  for (let from = 0, i = 1; i <= all.length; i++) {
    if (i < all.length && Math.floor(all[i].time / width) === Math.floor(all[from].time / width)) continue;
    rows.push(fullest(all.slice(from, i)));
    from = i;
  }
  return rows;
}
document.querySelectorAll('[data-span]').forEach(b => b.addEventListener('click', async () => {
  span = +b.dataset.span;
  document.querySelectorAll('[data-span]').forEach(o => o.setAttribute('aria-pressed', o === b));
  try { await askHistory(); } catch { /* the next turn says so */ }
  PLOTS.forEach(p => p.rows = shown());
  setFrame(null);
}));

// ---- the figures of the moment ----
function list(box, pairs) {
  box.replaceChildren(...pairs.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))));
}
function figures(memory, ops) {
  list(at('figures'), [['Used', bytes(memory.used)], ['RSS', bytes(memory.rss)], ['Peak', bytes(memory.peak)], ['Limit', memory.limit ? bytes(memory.limit) : 'none'],
    ['Keys', count(memory.keys)], ['Clients', count(ops.clients)], ['Commands / s', count(ops.operations_per_second)]]);
}
function loading(l) {
  at('load').hidden = !l.loading;
  if (!l.loading) return;
  at('load-bar').value = l.percent;
  at('load-percent').textContent = l.percent.toFixed(1) + ' %';
  at('load-text').textContent = `${bytes(l.loaded_bytes)} of ${bytes(l.total_bytes)}, about ${duration(l.eta_seconds)} left`;
  const types = Object.entries(l.loaded_keys_by_type).filter(([, n]) => n > 0);
  list(at('load-figures'), [['Keys', count(l.loaded_keys)], ['Keys a second', count(l.keys_per_second)], ...types.map(([name, n]) => [name + ' keys', count(n)])]);
}
function commands(ops) {
  const table = at('commands'), names = ['Calls', 'Mean', ...ops.percentiles.map(p => 'p' + p), 'Failed'];
  table.tHead.replaceChildren(make('tr', {}, make('th', {scope: 'col'}, 'Command'), ...names.map(t => make('th', {scope: 'col', class: 'n'}, t))));
  const busiest = ops.commands.sort((a, b) => b.time_us - a.time_us).slice(0, 12);
  table.tBodies[0].replaceChildren(...busiest.map(c =>
    row(c.name, ...[count(c.calls), micro(c.calls ? c.time_us / c.calls : -1), ...c.percentiles_us.map(micro), count(c.failed + c.rejected)].map(cell))));
}
// A bar for the eye beside its figure.
function bar(share) { return make('td', {class: 'bar', title: share.toFixed(1) + ' %'}, make('span', {style: `width:${share.toFixed(1)}%`})); }
function topKeys(t) {
  at('top-text').textContent = !t.keys.length ? 'There are no keys.' : t.complete ? '' : 'Keys that follow deleted ones are being sought.';
  at('top').hidden = !t.keys.length;
  const most = t.keys.length ? t.keys[0].bytes : 1;
  at('top').tBodies[0].replaceChildren(...t.keys.map(k =>
    row(k.key + (k.key_length > 256 ? '…' : '') + (k.db ? ` (database ${k.db})` : ''), make('td', {}, k.type), cell(count(k.elements) + (k.type === 'string' ? ' bytes' : '')), cell(bytes(k.bytes)), bar(100 * k.bytes / most))));
}
// A walk on the server finds these; looking at them makes it walk again when they are old.
function prefixes(p) {
  const groups = p.prefixes.map(g => [g.prefix || '(no “' + p.delimiter + '”)', g.keys, g.bytes]);
  const rest = groups.reduce(([keys, size], g) => [keys - g[1], size - g[2]], [p.keys, p.bytes]);
  if (rest[0] > 0) groups.push(['(all others)', ...rest]);
  at('prefixes-text').textContent = !p.known ? 'The server has not walked over its keys yet.'
    : `${count(p.keys)} keys with ${bytes(p.bytes)}, ${duration(Math.round(p.age_ms / 1000))} ago, in ${(p.duration_ms / 1000).toFixed(2)} s. MEMORY PREFIXES 2 goes one level deeper.`;
  at('prefixes').tBodies[0].replaceChildren(...groups.map(([name, keys, size]) =>
    row(name, cell(count(keys)), cell(bytes(size)), cell(bytes(size / Math.max(1, keys))), bar(100 * size / Math.max(1, p.bytes)))));
}
function say(text, bad) {
  const s = at('status');
  if (s.textContent !== text) s.textContent = text;
  s.className = bad ? 'bad' : text === 'serving' ? 'good' : '';
}

// ---- every second ----
let turns = 0, prefixesKnown = false;
async function hear() {
  const [memory, ops, load, keys] = await Promise.all(['/api/memory', '/api/operations', '/api/loading', '/api/top?n=10'].map(ask));
  await askHistory();
  const groups = turns++ % 5 === 0 || !prefixesKnown ? await ask('/api/prefixes?count=20') : null;
  return {memory, ops, load, keys, groups};
}
function show({memory, ops, load, keys, groups}) {
  const late = memory.figures_age_ms > 2000;
  say(late ? `${memory.phase}; busy with one command: what it counts is ${duration(Math.round(memory.figures_age_ms / 1000))} old, memory is of now` : memory.phase, late);
  tree = memory.tree;
  figures(memory, ops);
  loading(load);
  drawPlots(shown());
  drawTree();
  commands(ops);
  topKeys(keys);
  if (!groups) return;
  prefixesKnown = groups.known;
  prefixes(groups);
}
async function turn() {
  let heard = null;
  try {
    heard = await hear();
  } catch (e) {
    say('No answer from the server (' + e.message + ')', true);
  }
  setTimeout(turn, 1000);
  if (heard) show(heard);
}
addEventListener('resize', () => drawTree());
turn();
