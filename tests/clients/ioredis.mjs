// ioredis against tarn-server: a step a type, pipelines, transactions, blocking, messages, scan streams.
import Redis from 'ioredis';
import { finish, port, same, step } from './check.mjs';

const r = new Redis(port(), '127.0.0.1');
await r.flushall();

await step('strings and expiry', async () => {
    same(await r.set('s', 'v', 'EX', 100), 'OK');
    same(await r.get('s'), 'v');
    same(await r.incrby('n', 41), 41);
    same(await r.incrbyfloat('n', 0.5), '41.5');
    same(await r.mget('s', 'none', 'n'), ['v', null, '41.5']);
    same((await r.ttl('s')) > 90, true);
    same(await r.getBuffer('s'), Buffer.from('v'));
});
await step('hashes', async () => {
    same(await r.hset('h', { a: 1, b: 'two' }), 2);
    same(await r.hgetall('h'), { a: '1', b: 'two' });
    same(await r.hincrby('h', 'a', 5), 6);
    same(await r.call('HEXPIRE', 'h', 100, 'FIELDS', 1, 'a'), [1]);
    same(await r.call('HTTL', 'h', 'FIELDS', 2, 'a', 'b'), [100, -1]);
});
await step('lists', async () => {
    same(await r.rpush('l', 'a', 'b', 'c'), 3);
    same(await r.lrange('l', 0, -1), ['a', 'b', 'c']);
    same(await r.lmove('l', 'l2', 'LEFT', 'RIGHT'), 'a');
    same(await r.lpos('l', 'c'), 1);
    same(await r.linsert('l', 'BEFORE', 'c', 'x'), 3);
});
await step('sets', async () => {
    same(await r.sadd('set', 1, 2, 3), 3);
    same(await r.sadd('set2', 2, 3, 4), 3);
    same((await r.sinter('set', 'set2')).sort(), ['2', '3']);
    same(await r.smismember('set', 1, 9), [1, 0]);
});
await step('sorted sets', async () => {
    same(await r.zadd('z', 1, 'a', 2, 'b', 3, 'c'), 3);
    same(await r.zrange('z', 0, -1, 'WITHSCORES'), ['a', '1', 'b', '2', 'c', '3']);
    same(await r.zrangebyscore('z', 2, '+inf'), ['b', 'c']);
    same(await r.zrevrank('z', 'a'), 2);
    same(await r.zpopmin('z'), ['a', '1']);
});
await step('streams and groups', async () => {
    const id = await r.xadd('x', '*', 'f', 'v');
    same(await r.xgroup('CREATE', 'x', 'g', '0'), 'OK');
    same(await r.xreadgroup('GROUP', 'g', 'me', 'COUNT', 1, 'STREAMS', 'x', '>'), [['x', [[id, ['f', 'v']]]]]);
    same((await r.xpending('x', 'g'))[0], 1);
    same(await r.xack('x', 'g', id), 1);
    same(await r.xlen('x'), 1);
});
await step('bitmaps, HyperLogLogs, geo', async () => {
    same(await r.setbit('bits', 7, 1), 0);
    same(await r.bitcount('bits'), 1);
    same(await r.pfadd('hll', 'a', 'b', 'c'), 1);
    same(await r.pfcount('hll'), 3);
    same(await r.geoadd('geo', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'), 2);
    same(await r.geodist('geo', 'Palermo', 'Catania'), '166274.1516');
    same(await r.geosearch('geo', 'FROMLONLAT', 15, 37, 'BYRADIUS', 200, 'km', 'ASC'), ['Catania', 'Palermo']);
});
await step('pipelines and transactions', async () => {
    same(await r.pipeline().set('p', 1).incr('p').get('p').exec(), [[null, 'OK'], [null, 2], [null, '2']]);
    same(await r.multi().incr('p').lpush('pl', 'x').exec(), [[null, 3], [null, 1]]);
    await r.watch('p');
    const other = r.duplicate();
    await other.set('p', 'changed');
    same(await r.multi().get('p').exec(), null);
    other.disconnect();
});
await step('blocking', async () => {
    const waiter = r.duplicate();
    const popped = waiter.blpop('queue', 5);
    while (!(await r.client('LIST')).includes('cmd=blpop')) await new Promise(setImmediate);
    await r.rpush('queue', 'job');
    same(await popped, ['queue', 'job']);
    same(await waiter.bzpopmin('nothing', 0.01), null);
    waiter.disconnect();
});
await step('messages', async () => {
    const listener = r.duplicate();
    await listener.subscribe('news');
    await listener.psubscribe('n*');
    const heard = [];
    const both = new Promise((resolve) => {
        listener.on('message', (channel, text) => heard.push([channel, text]));
        listener.on('pmessage', (pattern, channel, text) => resolve(heard.push([pattern, channel, text])));
    });
    same(await r.publish('news', 'hello'), 2);
    await both;
    same(heard, [['news', 'hello'], ['n*', 'news', 'hello']]);
    listener.disconnect();
});
await step('scan streams', async () => {
    const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`field${i}`, i]));
    await r.hset('big', fields);
    let seen = 0;
    for await (const page of r.hscanStream('big', { count: 100 })) seen += page.length / 2;
    same(seen, 1000);
    const keys = new Set();
    for await (const page of r.scanStream({ match: 's*' })) page.forEach((key) => keys.add(key));
    same([...keys].sort(), ['s', 'set', 'set2']);
});
await step('errors', async () => {
    await r.set('text', 'x');
    await r.lpush('text', 'y').then(
        () => { throw new Error('no error'); },
        (error) => same(error.message.startsWith('WRONGTYPE'), true),
    );
});
r.disconnect();
finish();
