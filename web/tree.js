// The tree of memory as a picture: a rectangle a part, its area its bytes.
const NESTED = 3, INSET = 4, FRAME = 24; // levels within a level shown; pixels around them, and above for their name
let path = ['rss'], tree = null;
// Those that are no layer of the plot: as what they belong to, the allocator's apart.
const TONES = {used: 'accent', dataset: 'accent', client: 'clients', client_in: 'clients', client_out: 'clients', allocator: 'expiry', slack: 'persist', caches: 'sets', dirty: 'expiry', metadata: 'zsets'};
const toneOf = name => tone(TONES[name] || (PARTS.includes(name) ? name : 'other'));
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
// A part with room for it shows its own parts inside. A button each: it opens what has parts, else what it is part of.
function place(parent, names, x, y, w, h, depth, pieces) {
  const list = (parent.children || [parent]).filter(c => c.bytes > 0).sort((a, b) => b.bytes - a.bytes), out = [];
  lay(list, x, y, w, h, out);
  out.filter(([, , , w, h]) => w >= 2 && h >= 2).forEach(([c, x, y, w, h]) => {
    const opens = c.children && c.children.length, nested = opens && depth < NESTED && w > 90 && h > 70;
    const color = nested ? tone('back') : toneOf(c.name);
    const b = make('button', {type: 'button', 'data-name': c.name, title: `${c.name}: ${bytes(c.bytes)}, ${c.meaning}`, class: nested ? 'frame' : w < 30 || h < 18 ? 'tiny' : '',
      style: `left:${x}px;top:${y}px;width:${w}px;height:${h}px;background:${color};color:${inkOn(color)}`});
    b.setAttribute('aria-label', `${c.name}, ${bytes(c.bytes)}, ${c.count ? count(c.count) + ' ' + c.counted + ', ' : ''}${c.meaning}${opens ? '; opens' : ''}`);
    if (w > 34 && h > 18) b.append(make('strong', {}, c.name + (opens ? ' ▸' : '')));
    if (nested || (w > 60 && h > 38)) b.append(make('span', {}, bytes(c.bytes)));
    if (opens) b.addEventListener('click', () => enter(names.concat(c.name)));
    else if (depth > 0) b.addEventListener('click', () => enter(names));
    else b.classList.add('leaf');
    pieces.push(b);
    if (nested) place(c, names.concat(c.name), x + INSET, y + FRAME, w - 2 * INSET, h - FRAME - INSET, depth + 1, pieces);
  });
  return list;
}
function drawPath(anew) {
  const nav = at('tree-path');
  if (!anew && nav.childElementCount === path.length) return;
  nav.replaceChildren(...path.map((name, i) => {
    const b = make('button', {type: 'button'}, name);
    b.addEventListener('click', () => enter(path.slice(0, i + 1)));
    if (i === path.length - 1) b.setAttribute('aria-current', 'true');
    return b;
  }));
}
function drawTree(anew) {
  if (!tree) return;
  const node = find(tree, path), box = at('tree-map'), pieces = [];
  const held = box.contains(document.activeElement) ? document.activeElement.dataset.name : null;
  const list = place(node, path, 0, 0, box.clientWidth, box.clientHeight, 0, pieces);
  box.replaceChildren(...pieces);
  const again = held && pieces.find(p => p.dataset.name === held);
  if (again) again.focus(); else if (anew && pieces[0]) pieces[0].focus();
  drawPath(anew);
  at('tree-table').tBodies[0].replaceChildren(...list.map(c => row(c.name, cell(bytes(c.bytes)), cell((100 * c.bytes / Math.max(1, node.bytes)).toFixed(1) + ' %'),
    cell(c.count === undefined ? '' : count(c.count) + ' ' + c.counted), make('td', {}, c.meaning))));
}
