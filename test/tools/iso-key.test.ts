import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deriveKeys } from '../../postinstall/cluster/keys.ts';
import { clusterOf, keyTask, keyWords } from '../../src/commands/iso-key.ts';
import { openCache } from '../../src/host/cache.ts';
import type { Context } from '../../src/host/context.ts';
import { createExec } from '../../src/host/exec.ts';
import { assembleIso } from '../../src/media/iso.ts';
import type { JoinSecret, Plan } from '../../src/plan/types.ts';
import { readKeyMedium } from '../../src/secrets/key-medium.ts';
import { goldenPlan } from '../helpers/rendered.ts';
import { examplePlan, standInBase, tinyInputs } from '../helpers/tiny-base.ts';
import { inTempDir } from '../helpers/tmp.ts';

const exec = createExec();
const context = (dir: string): Context => ({
  exec,
  cache: openCache(join(dir, 'cache')),
  signal: new AbortController().signal,
});
const quiet = (): void => {};

async function makeKey(plan: Plan, dir: string) {
  const ha = clusterOf(plan) ?? assert.fail('the plan makes no cluster');
  const order = { cluster: plan.cluster, ha, out: join(dir, 'out') };
  return keyTask.run(order, context(dir), quiet);
}

/** Which of the secrets' forms are among the bytes. */
function secretsIn(bytes: Buffer, secret: JoinSecret): readonly string[] {
  const keys = deriveKeys(secret);
  const forms: Readonly<Record<string, string | Uint8Array>> = {
    'the join secret': secret.secret,
    'its bytes': Buffer.from(secret.secret, 'hex'),
    ...keys,
    'peer in hex': Buffer.from(keys.peer).toString('hex'),
    'corosync in base64': Buffer.from(keys.corosync).toString('base64').slice(0, 80),
  };
  return Object.entries(forms).flatMap(([name, form]) =>
    bytes.includes(typeof form === 'string' ? form : Buffer.from(form)) ? [name] : [],
  );
}

describe('the key medium beside an ISO', function () {
  this.timeout(60_000);

  it('is made once for its owner alone, is kept, and nothing of it is on the ISO', () =>
    inTempDir(async (dir) => {
      const plan = await examplePlan('ha-pair');
      const key = await makeKey(plan, dir);
      assert.deepEqual([key.made, key.path], [true, join(dir, 'out', 'ha-pair.key.iso')]);
      assert.equal((await stat(key.path)).mode & 0o777, 0o600);
      const inputs = await tinyInputs(dir, plan, await standInBase(join(dir, 'base')));
      const { iso } = await assembleIso(inputs, { exec, version: '0.0.0', audit: async () => {} });
      const secret = await readKeyMedium(exec, key.path);
      assert.ok(secret);
      assert.deepEqual(secretsIn(await readFile(iso), secret), []);
      assert.deepEqual(
        secretsIn(await readFile(key.path), secret),
        ['the join secret'],
        'the search finds it',
      );
      const before = await readFile(key.path);
      const again = await makeKey(plan, dir);
      assert.equal(again.made, false);
      assert.deepEqual(await readFile(key.path), before);
      assert.match(keyWords(again).join('\n'), /ha-pair\.key\.iso: kept$/);
    }));

  it('is not made by a preview', () =>
    inTempDir(async (dir) => {
      const ha = clusterOf(await examplePlan('ha-pair')) ?? assert.fail();
      const said: string[] = [];
      await keyTask.run(
        { cluster: 'ha-pair', ha, out: join(dir, 'out') },
        { ...context(dir), preview: true },
        (line) => void said.push(line),
      );
      assert.match(said.join(), /would be made/);
      await assert.rejects(stat(join(dir, 'out')), { code: 'ENOENT' });
    }));

  it('names the fence devices whose password it lacks, and the medium of another cluster', () =>
    inTempDir(async (dir) => {
      const plan = goldenPlan('four-nodes');
      const key = await makeKey(plan, dir);
      assert.deepEqual(key.lacking, ['front-a', 'front-b']);
      assert.match(
        keyWords(key)[2] ?? '',
        /no password for the fence device of front-b; slipway enrol --fencing/,
      );
      const { path } = await makeKey(await examplePlan('ha-pair'), dir);
      await writeFile(key.path, await readFile(path));
      await assert.rejects(makeKey(plan, dir), /is the key medium of cluster 'ha-pair', not of 'four-nodes'/);
    }));

  it('is for nobody where every node is by itself', async () =>
    assert.equal(clusterOf(await examplePlan('standalone-raid1')), undefined));
});
