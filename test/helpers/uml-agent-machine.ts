/**
 * The machine the agent runs on in uml-pair.ts. It writes every operation that changes something to the host, before it
 * is done, and stays there for ever at the one it was told to: the host then takes the power away. Bundled into the
 * agent of the test nodes in the place of local-machine.ts.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { JOURNAL_PATH } from '../../postinstall/status.ts';
import { localMachine as realMachine } from '../../src/engine/local-machine.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { changedRecord } from './journal-change.ts';

const SHARE = '/run/share';
/** Milliseconds after which a command that still runs is in its middle. */
const MIDDLE_MS = 60;
const file = (kind: 'points' | 'stop' | 'usage'): string => `${SHARE}/${hostname()}.${kind}`;

export function localMachine(options: Parameters<typeof realMachine>[0] = {}): Machine {
  const inner = realMachine(options);
  if (!existsSync(SHARE)) return inner;
  const stopAt = existsSync(file('stop')) ? readFileSync(file('stop'), 'utf8').trim() : undefined;
  const seen = new Map<string, number>();
  let journal = '';
  const reached = (what: string): void => {
    const times = (seen.get(what) ?? 0) + 1;
    seen.set(what, times);
    const point = times === 1 ? what : `${what} (${times})`;
    appendFileSync(file('points'), `${point}\n`);
    if (point !== stopAt) return;
    writeFileSync(file('stop'), 'reached\n');
    // Not a promise that stays pending: nothing of this process may go on.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };
  process.once('exit', () => {
    writeFileSync(file('usage'), JSON.stringify({ maxRssKiB: process.resourceUsage().maxRSS }));
  });
  return {
    ...inner,
    async exec(command, onLine) {
      if (command.effect !== 'write') return inner.exec(command, onLine);
      const words = `${command.file} ${command.args.join(' ')}`;
      reached(`before ${words}`);
      const running = inner.exec(command, onLine);
      const isQuick = await Promise.race([running.then(() => true), delay(MIDDLE_MS, false)]);
      if (!isQuick) reached(`during ${words}`);
      const result = await running;
      reached(`after ${words}`);
      return result;
    },
    async writeFile(path, content, mode) {
      if (path === JOURNAL_PATH && typeof content === 'string') {
        reached(`before journal: ${changedRecord(journal, content)}`);
        journal = content;
      } else reached(`before writing ${path}`);
      await inner.writeFile(path, content, mode);
    },
  };
}
