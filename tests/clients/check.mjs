// A handful of lines that every smoke shares: named steps, one line a failure, "N passed, N failed" at the end.
import assert from 'node:assert/strict';

let passed = 0;
let failed = 0;

export const same = assert.deepEqual;

export async function step(name, body) {
    try {
        await body();
        passed++;
    } catch (error) {
        failed++;
        console.log(`not ok - ${name}\n${String(error.stack || error).replace(/^/gm, '    ')}`);
    }
}

export function finish() {
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed ? 1 : 0);
}

export function port() {
    const number = Number(process.argv[2]);
    if (!number) throw new Error('usage: node <smoke>.mjs PORT');
    return number;
}
