/** Two nodes under User-Mode Linux that form a pair. One run. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { FENCED, makeUmlPair, NODES, type UmlPair } from '../../test/helpers/uml-pair.ts';
import { type Row, secondsSince } from './row.ts';

const VIP = '10.77.0.100';
const MINUTE = 60_000;

export async function benchCluster(): Promise<readonly Row[]> {
  const pair = await makeUmlPair(FENCED);
  try {
    const words = { agent: false } as const;
    await Promise.all(NODES.map((node) => pair.up(node, words)));
    const installed =
      'until [ -e /etc/slipway/layout.json ] && systemctl is-system-running | grep -qv starting; do sleep 1; done';
    await Promise.all(NODES.map((node) => pair.ssh(node, installed)));
    return [...(await formation(pair)), ...(await nothingToDo(pair)), await takeover(pair)];
  } finally {
    await pair.down();
  }
}

async function formation(pair: UmlPair): Promise<readonly Row[]> {
  const begun = performance.now();
  let formed = Number.NaN;
  const runs = NODES.map((node) => pair.ssh(node, 'slipway-agent run', 15 * MINUTE));
  const all = Promise.all(runs);
  const over = all.then(() => true);
  while (Number.isNaN(formed) && !(await Promise.race([over, delay(500, false)]))) {
    const status = await pair.ssh(1, "slipway-agent status | grep -c '^write-resources *verified' || true");
    if (status.trim() === '1') formed = secondsSince(begun);
  }
  await all;
  const usage: { maxRssKiB: number } = JSON.parse(await readFile(pair.shared('n1.usage'), 'utf8'));
  return [
    {
      name: 'pair: resources run',
      value: formed,
      unit: 's',
      bar: 90,
      note: 'from the moment both nodes answer; two User-Mode Linux machines of one processor each',
    },
    {
      name: 'pair: proven',
      value: secondsSince(begun),
      unit: 's',
      bar: 180,
      note: 'there and back, both complete',
    },
    { name: 'pair: memory of the agent', value: usage.maxRssKiB / 1024, unit: 'MB', bar: 90 },
  ];
}

async function nothingToDo(pair: UmlPair): Promise<readonly Row[]> {
  const begun = performance.now();
  await pair.ssh(1, 'slipway-agent run');
  return [
    {
      name: 'pair: nothing to do',
      value: secondsSince(begun),
      unit: 's',
      bar: 3,
      note: 'one node, every step checked',
    },
  ];
}

async function takeover(pair: UmlPair): Promise<Row> {
  const begun = performance.now();
  await pair.cut(1);
  const took = `until ip -4 -oneline address | grep -q ${VIP}/; do sleep 0.2; done`;
  await pair.ssh(2, took, 5 * MINUTE);
  const value = secondsSince(begun);
  return {
    name: 'pair: address on the survivor',
    value,
    unit: 's',
    bar: 30,
    note: 'after a power cut, fenced',
  };
}
