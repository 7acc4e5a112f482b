/** How fast the linter is. Shellcheck is not part of it: what it takes is its own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CommandError, type Exec } from '../../src/engine/command.ts';
import { lintText } from '../../src/kickstart/lint/lint.ts';
import { type Row, secondsSince } from './row.ts';

const RELEASE = 'rhel9';
const MEGABYTE = 1024 * 1024;
/** The best of so many runs: what else the machine does is not the linter's. */
const RUNS = 3;

/** How many kickstarts ksvalidator gets: it takes a good part of a minute for a thousand. */
const SHOWN = 50;

/** Lints a thousand kickstarts of 100 lines, then single files of 10 MB; takes some seconds. */
export async function benchLint(exec: Exec): Promise<readonly Row[]> {
  const thousand = best(() => {
    for (let i = 0; i < 1000; i++) lintText(kickstart(i), `${i}.ks`, { release: RELEASE });
  });
  const large = manyPartitions(10 * MEGABYTE);
  const time = best(() => lintText(large, 'large.ks', { release: RELEASE }));
  const growth = heldMegabytes(large) / heldMegabytes(manyPartitions(5 * MEGABYTE));
  return [
    { name: 'lint 1,000 kickstarts of 100 lines', value: thousand, unit: 's', bar: 2 },
    ...(await benchKsvalidator(exec)),
    { name: 'lint a file of 10 MB', value: time, unit: 's', bar: 1 },
    { name: 'memory for 10 MB', value: growth, unit: 'times that for 5 MB', bar: 2.2 },
  ];
}

/** The same kickstarts by ksvalidator; no row when it is not on PATH. */
async function benchKsvalidator(exec: Exec): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-'));
  try {
    const files = Array.from({ length: SHOWN }, (_, i) => join(folder, `${i}.ks`));
    await Promise.all(files.map((file, i) => writeFile(file, kickstart(i))));
    const begun = performance.now();
    await exec({ file: 'ksvalidator', args: ['-v', 'RHEL9', ...files], effect: 'read' });
    const value = (secondsSince(begun) * 1000) / SHOWN;
    return [{ name: 'the same by ksvalidator', value, unit: 's', note: `measured on ${SHOWN}` }];
  } catch (error) {
    if (error instanceof CommandError && error.reason === 'not-found') return [];
    throw error;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Seconds. */
function best(work: () => void): number {
  const times = Array.from({ length: RUNS }, () => {
    const begun = performance.now();
    work();
    return secondsSince(begun);
  });
  return Math.min(...times);
}

/** What a linted file holds in memory. */
function heldMegabytes(text: string): number {
  const collect = collector();
  collect();
  const before = process.memoryUsage().heapUsed;
  const linted = lintText(text, 'large.ks', { release: RELEASE });
  collect();
  const after = process.memoryUsage().heapUsed;
  return linted.document.items.length === 0 ? 0 : (after - before) / MEGABYTE;
}

/** The garbage collector, which Node hands out to a context made after the flag is set. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('Node does not hand out its garbage collector');
  return () => collect();
}

/** A kickstart as they are written, 100 lines long. */
function kickstart(seed: number): string {
  const disk = (index: number) => `disk/by-id/ata-${seed}-${index % 2}`;
  const partitions = Array.from(
    { length: 20 },
    (_, i) => `part raid.${i} --size=${1024 + i} --ondisk=${disk(i)}`,
  );
  const arrays = Array.from(
    { length: 10 },
    (_, i) => `raid /srv/${i} --device=srv${i} --level=1 --fstype=xfs raid.${2 * i} raid.${2 * i + 1}`,
  );
  return [
    'text',
    'lang en_US.UTF-8',
    'keyboard --vckeymap=us',
    'timezone Europe/Berlin --utc',
    `network --device=eth0 --bootproto=static --ip=10.0.0.${seed % 250} --netmask=255.255.255.0 --hostname=node-${seed}`,
    'rootpw --iscrypted $6$salt$Rd4TNO8HBvV9JSN7Vb1CcDv.3hzdyRBtFqpjOiFXAv',
    `ignoredisk --only-use=${disk(0)},${disk(1)}`,
    'clearpart --all --initlabel',
    'bootloader --append="console=tty0 console=ttyS0,115200"',
    'reboot',
    ...partitions,
    ...arrays,
    '%packages --ignoremissing',
    ...Array.from({ length: 24 }, (_, i) => `package-${i}`),
    '%end',
    '%post --erroronfail',
    ...Array.from({ length: 32 }, (_, i) => `echo "line ${i} of ${seed}" >> /root/install.log`),
    '%end',
    '',
  ].join('\n');
}

function manyPartitions(bytes: number): string {
  const lines: string[] = [];
  for (let size = 0, i = 0; size < bytes; i++) {
    const line = `part /srv/${i} --fstype=xfs --size=${1024 + i} --ondisk=disk/by-id/ata-${i % 100}\n`;
    lines.push(line);
    size += line.length;
  }
  return lines.join('');
}
