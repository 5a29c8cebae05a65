// What all parts of the page use: names, figures as text, elements, colours.
const at = id => document.getElementById(id);
// The layers of memory, from below; what is left of used memory is `other`. Each has a colour of its name in page.css.
const PARTS = ['strings', 'lists', 'sets', 'hashes', 'zsets', 'streams', 'table', 'expiry', 'limbo', 'clients', 'persist', 'other'];
const CLIENTS = ['client', 'client_in', 'client_out'];
const DAY = 86400;

function bytes(n) {
  const sign = n < 0 ? '−' : '', units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  for (n = Math.abs(n); n >= 1024 && i < 4; i++) n /= 1024;
  return sign + (i && n < 100 ? +n.toFixed(1) : Math.round(n)) + ' ' + units[i];
}
const count = n => Math.round(n).toLocaleString('en');
function micro(us) {
  if (us === null || us < 0) return '–';
  const [n, unit] = us < 1000 ? [us, 'µs'] : us < 1e6 ? [us / 1000, 'ms'] : [us / 1e6, 's'];
  return (n < 10 ? +n.toFixed(2) : n < 100 ? +n.toFixed(1) : count(n)) + ' ' + unit;
}
function clock(s, span) {
  const wide = span >= DAY ? {weekday: 'short'} : {}, fine = span <= 3600 ? {second: '2-digit'} : {};
  return new Date(s * 1000).toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit', ...fine, ...wide});
}
function duration(s) { return s < 90 ? s + ' s' : s < 5400 ? Math.round(s / 60) + ' min' : (s / 3600).toFixed(1) + ' h'; }

function make(tag, attributes, ...content) {
  const e = document.createElement(tag);
  for (const k in attributes || {}) e.setAttribute(k, attributes[k]);
  e.append(...content);
  return e;
}
const cell = text => make('td', {class: 'n'}, text);
function row(name, ...cells) { const tr = make('tr', {}, make('th', {scope: 'row'}, name)); tr.append(...cells); return tr; }
const tone = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
// Black or white, whichever can be read better on the colour.
function inkOn(color) {
  const [r, g, b] = [1, 3, 5].map(i => parseInt(color.slice(i, i + 2), 16) / 255).map(c => c <= .04 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b > .18 ? '#0b151b' : '#fff';
}
async function ask(url) {
  const answer = await fetch(url, {cache: 'no-store'});
  if (!answer.ok && answer.status !== 503) throw new Error(url + ': ' + answer.status);
  return answer.json();
}
