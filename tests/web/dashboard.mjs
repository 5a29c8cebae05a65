// node dashboard.mjs server folder: the dashboard with a token, during a slowed load and under traffic, at the width of a screen
// and of a phone, light and dark, by pointer and by keyboard. Pictures go to the folder.
import {spawn, execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {chromium} from 'playwright-core';

const [server, folder] = process.argv.slice(2);
const token = 'correct horse', dir = mkdtempSync(join(tmpdir(), 'tarn-web-'));
let passed = 0, failed = 0;
const children = [];

async function check(name, body) {
  try { await body(); passed++; console.log('ok - ' + name); } catch (e) { failed++; console.log('FAILED ' + name + '\n  ' + (e.stack || e)); }
}
function must(condition, what) { if (!condition) throw new Error(what); }
function freePort() {
  return new Promise(done => { const s = createServer().listen(0, '127.0.0.1', () => { const {port} = s.address(); s.close(() => done(port)); }); });
}
const port = await freePort(), http = await freePort(), url = `http://127.0.0.1:${http}/`;
const cli = (...words) => execFileSync('redis-cli', ['-p', String(port), ...words], {encoding: 'utf8'});
async function start(...more) {
  const child = spawn(server, ['--port', port, '--bind', '127.0.0.1', '--http-port', http, '--http-token', token, '--dir', dir, '--save', '', '--enable-debug-command', 'yes', ...more].map(String), {stdio: 'ignore'});
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
  page.setDefaultTimeout(15000);
  page.on('pageerror', e => errors.push(String(e)));
  page.on('console', m => { if (m.type() === 'error' && !/401/.test(m.text())) errors.push(m.text()); });
  page.on('request', r => { if (!r.url().startsWith(url) && !r.url().startsWith('data:')) errors.push('asks elsewhere: ' + r.url()); });
  await page.goto(url);
  return page;
}

try {
  let child = await start();
  cli('debug', 'populate', '60000', 'key', '200');
  cli('save');
  await stop(child);
  child = await start('--key-load-delay', '200');
  await check('a slowed load is shown with its rate and what is left', async () => {
    const page = await open({viewport: {width: 1100, height: 1000}, colorScheme: 'light'});
    await page.waitForFunction(() => !document.getElementById('load').hidden);
    const first = +await page.getAttribute('#load-bar', 'value') || await page.$eval('#load-bar', e => e.value);
    await page.waitForFunction(before => document.getElementById('load-bar').value > before, first);
    const text = await page.textContent('#load-text');
    must(/%: .* of .*keys a second, about .* left/.test(text), text);
    must(/loading/.test(await page.textContent('#status')), 'the phase');
    await page.waitForTimeout(3000);
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
    await page.waitForSelector('#memory-plot polygon');
    await page.waitForSelector('#commands tbody tr');
    await page.waitForFunction(() => [...document.querySelectorAll('#figures dd')].some(e => /\d,\d{3}/.test(e.textContent)));
    await page.waitForTimeout(4000);
    must(await page.locator('#tree-map button').count() >= 2, 'pieces of the tree');
    await page.waitForFunction(() => [...document.querySelectorAll('#prefixes tbody th')].some(e => e.textContent === 'key:'));
    must(/keys with .* ago, in /.test(await page.textContent('#prefixes-text')), 'when the prefixes were taken');
    await page.waitForFunction(() => document.querySelectorAll('#top-list li').length === 10);
    must(/\(\w+ of \d+/.test(await page.textContent('#top-list')), 'type and elements of the biggest keys');
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
    await page.focus('#memory-plot');
    await page.keyboard.press('ArrowLeft');
    must(/strings|table/.test(await page.textContent('#memory-plot .tip')), 'the reading at the cursor');
    await page.screenshot({path: join(folder, 'dark.png'), fullPage: true});
    await page.context().close();
  });
  await check('at the width of a phone nothing overflows', async () => {
    const page = await open({viewport: {width: 360, height: 760}, colorScheme: 'dark', isMobile: true});
    await page.waitForSelector('#commands tbody tr');
    await page.waitForSelector('#memory-plot polygon');
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    must(width <= 360, 'the page is ' + width + ' wide');
    await page.screenshot({path: join(folder, 'phone.png'), fullPage: true});
    await page.context().close();
  });
  await check('every control has a name, every plot a text', async () => {
    const page = await open({viewport: {width: 1100, height: 1000}});
    await page.waitForSelector('#tree-map button');
    const nameless = await page.evaluate(() => [...document.querySelectorAll('button,a,[role=img],progress')].filter(e => !(e.textContent.trim() || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby'))).length);
    must(nameless === 0, nameless + ' without a name');
    await page.context().close();
  });
  await check('a prefix is shown as it is, whatever it holds', async () => {
    const name = '<img src=x onerror=alert(1)>\u2028é"\\:';
    cli('setrange', name + '1', '4999999', 'x');
    cli('memory', 'prefixes'); // else the page shows the last walk until that is 200 times as old as it took
    const page = await open({viewport: {width: 1100, height: 1000}});
    await page.waitForFunction(name => [...document.querySelectorAll('#prefixes tbody th')].some(e => e.textContent === name), name, {timeout: 30000});
    must(await page.locator('#prefixes img').count() === 0, 'markup');
    await page.context().close();
  });
  await check('without the token there is nothing', async () => {
    const answer = await fetch(url);
    must(answer.status === 401, 'status ' + answer.status);
  });
  await check('no errors, and nothing asked elsewhere', async () => must(errors.length === 0, errors.join('\n  ')));
} finally {
  await browser.close();
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  rmSync(dir, {recursive: true, force: true});
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
