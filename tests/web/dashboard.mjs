// node dashboard.mjs server plain-server folder: the dashboard with a token, during a slowed load and under traffic, at the width of
// a screen and of a phone, light and dark, by pointer and by keyboard; and that of a build without plots. Pictures go to the folder.
import {spawn, execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {chromium} from 'playwright-core';
import {closest, contrast} from './colours.mjs';

const [server, plain, folder] = process.argv.slice(2);
const token = 'correct horse', dir = mkdtempSync(join(tmpdir(), 'tarn-web-'));
let passed = 0, failed = 0;
const children = [];

async function check(name, body) {
  const begun = Date.now();
  try { await body(); passed++; console.log(`ok - ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`); } catch (e) { failed++; console.log('FAILED ' + name + '\n  ' + (e.stack || e)); }
}
function must(condition, what) { if (!condition) throw new Error(what); }
function freePort() {
  return new Promise(done => { const s = createServer().listen(0, '127.0.0.1', () => { const {port} = s.address(); s.close(() => done(port)); }); });
}
const port = await freePort(), http = await freePort(), url = `http://127.0.0.1:${http}/`;
const cli = (...words) => execFileSync('redis-cli', ['-p', String(port), ...words], {encoding: 'utf8'});
async function start(...more) {
  return startProgram(server, ...more);
}
async function startProgram(program, ...more) {
  const child = spawn(program, ['--port', port, '--bind', '127.0.0.1', '--http-port', http, '--http-token', token, '--dir', dir, '--save', '', '--enable-debug-command', 'yes', ...more].map(String), {stdio: 'ignore'});
  children.push(child);
  for (let i = 0; i < 200; i++) { try { cli('echo', 'x'); return child; } catch { await new Promise(done => setTimeout(done, 50)); } }
  throw new Error('the server does not start');
}
function stop(child) { return new Promise(done => { child.on('exit', done); child.kill('SIGTERM'); }); }

const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']});
const errors = [];
async function open(options) {
  const context = await browser.newContext({httpCredentials: {username: 'any', password: token}, ...options});
  const page = await context.newPage();
  page.setDefaultTimeout(60000);
  page.on('pageerror', e => errors.push(String(e)));
  page.on('console', m => { if (m.type() === 'error' && !/401/.test(m.text())) errors.push(m.text()); });
  page.on('request', r => { if (!r.url().startsWith(url) && !r.url().startsWith('data:')) errors.push('asks elsewhere: ' + r.url()); });
  await page.goto(url);
  return page;
}

// Something is drawn: the pixels of the canvas are not all alike.
const drawn = id => {
  const canvas = document.querySelector(`#${id} canvas`), data = canvas && canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return data && data.some((byte, i) => byte !== data[i % 4]);
};
const legend = id => `#${id} .legend`;

try {
  let child = await start();
  cli('debug', 'populate', '60000', 'key', '200');
  cli('save');
  await stop(child);
  child = await start('--key-load-delay', '1000');
  await check('a slowed load is shown with its rate and what is left', async () => {
    const page = await open({viewport: {width: 1100, height: 1000}, colorScheme: 'light'});
    await page.waitForFunction(() => !document.getElementById('load').hidden);
    const first = +await page.getAttribute('#load-bar', 'value') || await page.$eval('#load-bar', e => e.value);
    await page.waitForFunction(before => document.getElementById('load-bar').value > before, first);
    const text = await page.textContent('#load-text');
    must(/^[\d.]+ \w+ of [\d.]+ MiB, about .* left$/.test(text), text);
    await page.waitForFunction(() => /Keys a second[\d,]{3,}.*string keys[\d,]{3,}/.test(document.getElementById('load-figures').textContent));
    must(/^[\d.]+ %$/.test(await page.textContent('#load-percent')), 'the percent');
    must(/loading/.test(await page.textContent('#status')), 'the phase');
    await page.waitForFunction(drawn, 'memory-plot');
    await page.waitForFunction(() => +document.querySelector('#memory-plot .view').getAttribute('aria-valuemax') >= 4);
    must((await page.locator('#memory-plot .dygraph-axis-label-x').allTextContents()).every(t => /^\d\d:\d\d(:\d\d)?$/.test(t)), 'times on the axis');
    await page.screenshot({path: join(folder, 'loading.png'), fullPage: true});
    cli('config', 'set', 'key-load-delay', '0');
    await page.waitForFunction(() => document.getElementById('load').hidden && document.getElementById('status').textContent === 'serving');
    await page.context().close();
  });
  for (let i = 0; i < 3; i++) {
    const traffic = spawn('redis-benchmark', ['-p', String(port), '-n', '100000', '-c', '10', '-r', '20000', '-d', '300', '-t', 'set,get,lpush,hset,sadd,zadd', '-q'], {stdio: 'ignore'});
    traffic.on('error', () => {});
    children.push(traffic);
  }
  await check('under traffic: figures, plots, tree and commands', async () => {
    const page = await open({viewport: {width: 1100, height: 1000}, colorScheme: 'light'});
    for (const id of ['memory-plot', 'ops-plot', 'latency-plot']) await page.waitForFunction(drawn, id);
    await page.waitForSelector('#commands tbody tr');
    await page.waitForFunction(() => [...document.querySelectorAll('#figures dd')].some(e => /\d,\d{3}/.test(e.textContent)));
    await page.waitForFunction(() => /strings [\d.]+ MiB.*rss [\d.]+ MiB/.test(document.querySelector('#memory-plot .legend').textContent));
    must(/commands [\d,]+/.test(await page.textContent(legend('ops-plot'))), 'commands a second');
    must(/slowest [\d.]+ [µm]?s.*mean [\d.]+ [µm]?s/.test(await page.textContent(legend('latency-plot'))), await page.textContent(legend('latency-plot')));
    for (const unit of ['MiB', 'µs']) must(await page.locator('.dygraph-axis-label-y', {hasText: unit}).count() > 0, 'an axis in ' + unit);
    for (const name of ['used', 'dataset', 'strings', 'process']) must(await page.locator(`#tree-map [data-name=${name}]`).count() === 1, name + ' in the picture');
    await page.waitForFunction(() => [...document.querySelectorAll('#prefixes tbody th')].some(e => e.textContent === 'key:'));
    must(/keys with .* ago, in /.test(await page.textContent('#prefixes-text')), 'when the prefixes were taken');
    await page.waitForFunction(() => document.querySelectorAll('#top tbody tr').length === 10);
    must(/(string|list|hash|set|zset)[\d,]+/.test(await page.textContent('#top tbody')), 'type and elements of the biggest keys');
    await page.screenshot({path: join(folder, 'traffic.png'), fullPage: true});
    await page.context().close();
  });
  await check('the tree is drilled into by keyboard', async () => {
    const page = await open({viewport: {width: 1100, height: 1000}, colorScheme: 'dark'});
    await page.waitForSelector('#tree-map button[data-name=used]');
    await page.focus('#tree-map button[data-name=used]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#tree-map button[data-name=dataset]');
    await page.focus('#tree-map button[data-name=dataset]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#tree-map button[data-name=strings]');
    must(await page.locator('#tree-path button').count() === 3, 'the path');
    await page.screenshot({path: join(folder, 'dark.png'), fullPage: true});
    await page.context().close();
  });
  await check('plots are read and zoomed by keyboard', async () => {
    const page = await open({viewport: {width: 1100, height: 1000}, colorScheme: 'dark'});
    const view = '#memory-plot .view', spoken = () => page.getAttribute(view, 'aria-valuetext'), times = id => page.textContent(`#${id} .legend strong`);
    await page.waitForFunction(() => +document.querySelector('#memory-plot .view').getAttribute('aria-valuemax') >= 8);
    must(/^now, used .*strings [\d.]+ MiB/.test(await spoken()), await spoken());
    await page.focus(view);
    await page.keyboard.press('ArrowLeft');
    const first = await spoken();
    must(/^\d\d:\d\d:\d\d, used [\d.]+ MiB: rss .*strings/.test(first), first);
    await page.keyboard.press('ArrowLeft');
    const second = await spoken();
    must(second.slice(0, 8) < first.slice(0, 8), first + ' before ' + second);
    must(await times('memory-plot') === second.slice(0, 8) && await times('latency-plot') === second.slice(0, 8), 'legends at the cursor');
    must(await page.locator('.mark:visible').count() === 3, 'a mark in each plot');
    await page.screenshot({path: join(folder, 'cursor.png')});
    const labels = () => page.locator('#ops-plot .dygraph-axis-label-x').allTextContents();
    const whole = (await labels())[0];
    await page.keyboard.press('+');
    must(await page.isEnabled('#zoom-all'), 'zoomed');
    await page.keyboard.press('Home');
    const edge = (await spoken()).slice(0, 8);
    must(edge > whole, `the frame begins at ${edge}, all of it before ${whole}`);
    await page.keyboard.press('Shift+ArrowLeft');
    await page.keyboard.press('Home');
    must((await spoken()).slice(0, 8) < edge, 'moved to the left');
    await page.keyboard.press('0');
    must(await page.isDisabled('#zoom-all'), 'all of it again');
    await page.keyboard.press('Escape');
    must(await times('memory-plot') === 'now', 'the cursor is gone');
    await page.context().close();
  });
  await check('plots are read and zoomed by pointer, series hide', async () => {
    const page = await open({viewport: {width: 1100, height: 1000}, colorScheme: 'light'});
    await page.waitForFunction(() => +document.querySelector('#memory-plot .view').getAttribute('aria-valuemax') >= 8);
    await page.locator('#ops-plot .view').scrollIntoViewIfNeeded();
    const box = await page.locator('#ops-plot .view').boundingBox(), y = box.y + box.height / 2, time = () => page.textContent(legend('memory-plot') + ' strong');
    await page.mouse.move(box.x + box.width * .4, y);
    const left = await time();
    await page.mouse.move(box.x + box.width * .8, y);
    must(/^\d\d:\d\d:\d\d$/.test(left) && left < await time(), 'the legend follows: ' + left);
    await page.mouse.move(box.x + box.width * .3, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * .7, y + 30, {steps: 5});
    await page.mouse.up();
    await page.waitForFunction(() => !document.getElementById('zoom-all').disabled);
    await page.click('#zoom-all');
    await page.waitForFunction(() => document.getElementById('zoom-all').disabled);
    const axis = async () => (await page.locator('#latency-plot .dygraph-axis-label-y').allTextContents()).join(), before = await axis();
    const slowest = page.locator(legend('latency-plot') + ' button', {hasText: 'slowest'});
    await slowest.click();
    must(await slowest.getAttribute('aria-pressed') === 'false', 'pressed no more');
    must(before !== await axis(), 'the axis fits what is shown: ' + before);
    await page.context().close();
  });
  await check('each plot is there as a table', async () => {
    const page = await open({viewport: {width: 1100, height: 1000}});
    for (const id of ['memory-plot', 'ops-plot', 'latency-plot']) {
      await page.click(`#${id} summary`);
      await page.waitForFunction(id => document.querySelectorAll(`#${id} tbody tr`).length >= 5, id);
    }
    must(/^Timeusedrssstrings/.test(await page.textContent('#memory-plot thead')), await page.textContent('#memory-plot thead'));
    await page.context().close();
  });
  for (const scheme of ['light', 'dark']) await check(`${scheme}: layers differ for the colour-blind, texts can be read`, async () => {
    const page = await open({viewport: {width: 1100, height: 1000}, colorScheme: scheme});
    const colours = await page.evaluate(names => Object.fromEntries(names.map(n => [n, getComputedStyle(document.documentElement).getPropertyValue('--' + n).trim()])),
      ['strings', 'lists', 'sets', 'hashes', 'zsets', 'streams', 'table', 'expiry', 'limbo', 'clients', 'persist', 'other', 'ink', 'soft', 'accent', 'bad', 'good', 'card']);
    const {ink, soft, accent, bad, good, card, ...layers} = colours, [difference, ...which] = closest(layers);
    must(difference >= 15, `${difference} between ${which}`);
    const touching = Object.entries(layers).map((entry, i, all) => closest(Object.fromEntries([entry, all[i + 1] || all[0]])));
    must(touching.slice(0, -1).every(([difference]) => difference >= 30), 'those that touch: ' + touching.join(' '));
    for (const text of [ink, soft, accent, bad, good]) must(contrast(text, card) >= 4.5, `${text} on ${card}: ${contrast(text, card)}`);
    await page.context().close();
  });
  await check('at the width of a phone nothing overflows', async () => {
    const page = await open({viewport: {width: 360, height: 760}, colorScheme: 'dark', isMobile: true, hasTouch: true});
    await page.waitForSelector('#commands tbody tr');
    await page.waitForFunction(drawn, 'memory-plot');
    await page.locator('#memory-plot .view').tap({position: {x: 200, y: 80}});
    must(/^\d\d:/.test(await page.textContent(legend('memory-plot') + ' strong')), 'a tap reads');
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    must(width <= 360, 'the page is ' + width + ' wide');
    await page.screenshot({path: join(folder, 'phone.png'), fullPage: true});
    await page.context().close();
  });
  await check('every control has a name, every plot a text', async () => {
    const page = await open({viewport: {width: 1100, height: 1000}});
    await page.waitForSelector('#tree-map button');
    const nameless = await page.evaluate(() => [...document.querySelectorAll('button,a,[role=img],[role=slider],[role=region],progress')].filter(e => !(e.textContent.trim() || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby'))).length);
    must(nameless === 0, nameless + ' without a name');
    await page.context().close();
  });
  await check('a prefix is shown as it is, whatever it holds', async () => {
    const name = '<img src=x onerror=alert(1)>\u2028é"\\:';
    cli('setrange', name + '1', '4999999', 'x');
    cli('memory', 'prefixes'); // else the page shows the last walk until that is 200 times as old as it took
    const page = await open({viewport: {width: 1100, height: 1000}});
    await page.waitForFunction(name => [...document.querySelectorAll('#prefixes tbody th')].some(e => e.textContent === name), name, {timeout: 60000});
    must(await page.locator('#prefixes img').count() === 0, 'markup');
    await page.context().close();
  });
  await check('without the token there is nothing', async () => {
    const answer = await fetch(url);
    must(answer.status === 401, 'status ' + answer.status);
  });
  await stop(child);
  child = await startProgram(plain);
  await check('without plots the page is whole: figures as text and tables', async () => {
    const page = await open({viewport: {width: 1100, height: 1000}, colorScheme: 'light'});
    for (let i = 0; i < 50; i++) cli('set', 'key:' + i, 'x'.repeat(1000));
    for (const id of ['memory-plot', 'ops-plot', 'latency-plot']) await page.waitForFunction(id => document.querySelectorAll(`#${id} tbody tr`).length >= 3, id);
    must(await page.isVisible('#plain') && await page.isHidden('#zoom') && await page.isHidden('#plot-keys'), 'what it says of itself');
    must(await page.locator('canvas').count() === 0 && await page.evaluate(() => typeof Dygraph) === 'undefined', 'no plots');
    await page.waitForFunction(() => /strings .*rss [\d.]+ MiB/.test(document.querySelector('#memory-plot .legend').textContent));
    must(await page.locator('#tree-map button').count() >= 5, 'the tree');
    await page.screenshot({path: join(folder, 'plain.png'), fullPage: true});
    await page.context().close();
  });
  await check('no errors, and nothing asked elsewhere', async () => must(errors.length === 0, errors.join('\n  ')));
} finally {
  await browser.close();
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  rmSync(dir, {recursive: true, force: true});
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
