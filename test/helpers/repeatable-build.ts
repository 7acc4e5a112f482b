/**
 * Builds packages, repository and ISO below a folder and prints the SHA-256 of each as JSON: a program of its own, so that
 * a test can run it as somebody else, on another day.
 *
 *     node --import tsx test/helpers/repeatable-build.ts FOLDER
 */
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { describePostinstall, describeRuntime } from '../../src/artefact/packages.ts';
import { buildRepository } from '../../src/artefact/repository.ts';
import { buildRpm, contentHash, type RpmDescription } from '../../src/artefact/rpm.ts';
import { openCache } from '../../src/host/cache.ts';
import { createExec } from '../../src/host/exec.ts';
import { hashFile, hashTree } from '../../src/host/hash.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { renderKickstart } from '../../src/kickstart/render.ts';
import { assembleIso } from '../../src/media/iso.ts';
import { MEDIUM } from '../../src/media/types.ts';
import { examplePlan, standInBase, tinyInputs } from './tiny-base.ts';
import { writeFiles } from './tmp.ts';

/** A test may ask for another one. */
const EPOCH = Number(process.env['SLIPWAY_TEST_EPOCH'] ?? 1_767_225_600);

async function main(dir: string): Promise<void> {
  const exec = createExec();
  const context = { exec, cache: openCache(join(dir, 'cache')), signal: new AbortController().signal };
  await writeFiles(dir, {
    'node/node': '#!/bin/sh\n',
    'node/LICENSE': 'licence\n',
    'own/agent.mjs': 'agent\n',
    'own/unit': '[Unit]\nDescription=x\n',
    'step/check': '#!/bin/sh\n',
    'step/apply': '#!/bin/sh\n',
    'brought/one': 'one\n',
    'brought/two/three': 'three\n',
  });
  for (const name of ['check', 'apply']) await chmod(join(dir, 'step', name), 0o755);
  // The mode of a folder is content; what this run's umask made of it is not meant.
  await chmod(join(dir, 'step'), 0o755);

  const build = (rpm: RpmDescription) => buildRpm(context, rpm, `1.${contentHash(rpm).slice(0, 12)}`, EPOCH);
  const own = { agent: join(dir, 'own/agent.mjs'), unit: join(dir, 'own/unit') };
  const node = {
    version: '24.21.0',
    id: 'x',
    node: join(dir, 'node/node'),
    license: join(dir, 'node/LICENSE'),
  };
  const step = { id: 'step', dir: join(dir, 'step'), title: 'A step', after: [] };
  const runtime = await build(await describeRuntime({ ...node, reused: false }));
  const postinstall = await build(await describePostinstall([step], node, own));
  const repository = await buildRepository(context, [runtime, postinstall], EPOCH);

  const plan = await examplePlan('ha-pair');
  const inputs = await tinyInputs(join(dir, 'tiny'), plan, await standInBase(join(dir, 'base')));
  const templates = join(packageRoot(), 'kickstart');
  const iso = await assembleIso(
    {
      ...inputs,
      repository: repository.dir,
      kickstarts: plan.nodes.map((each) => ({
        node: each.name,
        text: renderKickstart(each, plan, { templates, medium: MEDIUM }),
      })),
      files: [{ path: 'site', source: join(dir, 'brought') }],
      sourceDateEpoch: EPOCH,
    },
    { exec, version: '0.0.0', audit: async () => {} },
  );
  const sums = {
    runtime: await hashFile(runtime.file),
    postinstall: await hashFile(postinstall.file),
    repository: await hashTree(repository.dir),
    manifest: await hashFile(iso.manifest),
    iso: iso.sha256,
  };
  process.stdout.write(
    `${JSON.stringify({ sums, now: new Date().toISOString(), uid: process.getuid?.() })}\n`,
  );
}

await main(process.argv[2] ?? '.');
