// node-redis against tarn-server, in RESP3 with its client-side cache, and in RESP2.
import { createClient } from 'redis';
import { finish, port, same, step } from './check.mjs';

const url = `redis://127.0.0.1:${port()}`;
const plain = (map) => (map instanceof Map ? Object.fromEntries(map) : { ...map });

for (const RESP of [2, 3]) {
    const r = await createClient({ url, RESP }).connect();
    const named = (name) => `RESP${RESP}: ${name}`;
    await r.flushAll();
    await step(named('strings'), async () => {
        same(await r.set('s', 'v', { expiration: { type: 'EX', value: 100 } }), 'OK');
        same(await r.get('s'), 'v');
        same(await r.set('s', 'w', { condition: 'NX' }), null);
        same(await r.incrByFloat('n', 1.5), '1.5');
        same(await r.exists(['s', 'n', 'x']), 2);
        same(await r.type('s'), 'string');
    });
    await step(named('hashes and field times'), async () => {
        same(await r.hSet('h', { a: '1', b: '2' }), 2);
        same(plain(await r.hGetAll('h')), { a: '1', b: '2' });
        same(await r.hExpire('h', ['a'], 100), [1]);
        same(await r.hTTL('h', ['a', 'b', 'c']), [100, -1, -2]);
        same(await r.hRandFieldCount('h', 5).then((all) => all.sort()), ['a', 'b']);
    });
    await step(named('lists'), async () => {
        same(await r.rPush('l', ['a', 'b', 'c']), 3);
        same(await r.lRange('l', 0, -1), ['a', 'b', 'c']);
        same(await r.lPop('l'), 'a');
        same(await r.lmPop(['none', 'l'], 'RIGHT', { COUNT: 2 }), ['l', ['c', 'b']]);
    });
    await step(named('sets'), async () => {
        same(await r.sAdd('set', ['a', 'b']), 2);
        same(new Set(await r.sMembers('set')), new Set(['a', 'b']));
        same(await r.sIsMember('set', 'a') ? 1 : 0, 1);
    });
    await step(named('sorted sets'), async () => {
        same(await r.zAdd('z', [{ score: 1, value: 'a' }, { score: 2.5, value: 'b' }]), 2);
        same(await r.zRangeWithScores('z', 0, -1), [{ value: 'a', score: 1 }, { value: 'b', score: 2.5 }]);
        same(await r.zScore('z', 'b'), 2.5);
        same(await r.zRank('z', 'b'), 1);
    });
    await step(named('streams'), async () => {
        const id = await r.xAdd('x', '*', { f: 'v' });
        same((await r.xRange('x', '-', '+')).map((e) => [e.id, plain(e.message)]), [[id, { f: 'v' }]]);
        same(await r.xGroupCreate('x', 'g', '0'), 'OK');
        const read = await r.xReadGroup('g', 'me', { key: 'x', id: '>' }, { COUNT: 1 });
        same(JSON.stringify(read).includes(id), true);
        same(await r.xAck('x', 'g', id), 1);
        same((await r.xInfoStream('x')).length, 1);
    });
    await step(named('bitmaps, HyperLogLogs, geo'), async () => {
        await r.setBit('bits', 3, 1);
        same(await r.bitCount('bits'), 1);
        await r.pfAdd('hll', ['a', 'b']);
        same(await r.pfCount('hll'), 2);
        await r.geoAdd('geo', { longitude: 13.361389, latitude: 38.115556, member: 'Palermo' });
        same(await r.geoHash('geo', 'Palermo'), ['sqc8b49rny0']);
    });
    await step(named('transactions'), async () => {
        same(await r.multi().set('m', '1').incr('m').exec(), ['OK', 2]);
    });
    await step(named('blocking and messages'), async () => {
        const other = await r.duplicate().connect();
        const popped = other.blPop('queue', 5);
        while (!(await r.sendCommand(['CLIENT', 'LIST'])).includes('cmd=blpop')) await new Promise(setImmediate);
        await r.rPush('queue', 'job');
        same({ ...(await popped) }, { key: 'queue', element: 'job' });
        const heard = new Promise((resolve) => other.subscribe('news', (text) => resolve(text)).then(() => r.publish('news', 'hi')));
        same(await heard, 'hi');
        other.destroy();
    });
    await step(named('scan'), async () => {
        const keys = [];
        for await (const page of r.scanIterator({ MATCH: 's*' })) keys.push(...page);
        same(keys.sort(), ['s', 'set']);
    });
    r.destroy();
}

await step('client-side cache', async () => {
    const other = await createClient({ url }).connect();
    const r = await createClient({ url, RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0 } }).connect();
    await other.set('cached', '1');
    same(await r.get('cached'), '1');
    same(await r.get('cached'), '1');
    await other.set('cached', '2');
    let value = '1';
    for (let i = 0; i < 1000 && value === '1'; i++) {
        value = await r.get('cached');
        await new Promise(setImmediate);
    }
    same(value, '2');
    other.destroy();
    r.destroy();
});
finish();
