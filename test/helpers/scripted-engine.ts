/** An engine whose machines print what a test wrote for them, and switch themselves off when asked to. */
import { writeFile } from 'node:fs/promises';
import type { Engine, LabMachineSpec } from '../../src/lab/engine.ts';
import { type ConsoleListeners, GuestConsole } from '../../src/lab/guest-console.ts';

export interface ScriptedEngine {
  /** What was switched on, in its order. */
  readonly started: readonly LabMachineSpec[];
  /** Names of machines that are still on. */
  readonly running: ReadonlySet<LabMachineSpec>;
  /** Files that took over at each moment that was kept. */
  readonly frozen: readonly (readonly string[])[];
  /** Serial numbers of disks whose speed was limited, in the order it was. */
  readonly limited: readonly string[];
  create(listeners: ConsoleListeners): Engine;
}

/** `script`: the console's text of a machine; one that is silent for ever prints nothing. */
export function scriptedEngine(
  script: (spec: LabMachineSpec, start: number) => readonly string[],
): ScriptedEngine {
  const started: LabMachineSpec[] = [];
  const running = new Set<LabMachineSpec>();
  const frozen: (readonly string[])[] = [];
  const limited: string[] = [];
  return {
    started,
    running,
    frozen,
    limited,
    create: (listeners) => ({
      async start(spec) {
        const console = new GuestConsole(spec, listeners);
        started.push(spec);
        running.add(spec);
        let over: () => void = () => undefined;
        const ended = new Promise<void>((resolve) => {
          over = () => {
            running.delete(spec);
            console.close();
            resolve();
          };
        });
        setImmediate(() =>
          console.feed(
            script(spec, started.length)
              .map((line) => `${line}\n`)
              .join(''),
          ),
        );
        return {
          spec,
          waitForLine: (pattern, timeoutMs, failures = 'end-it') =>
            console.waitForLine(pattern, timeoutMs, failures, () => 'switched off'),
          async waitForPowerOff(timeoutMs) {
            over();
            await console.waitForEnd(ended, timeoutMs);
            return 'off';
          },
          type: () => undefined,
          press: async () => undefined,
          powerButton: async () => undefined,
          unplug: async () => undefined,
          screenshot: (file) => writeFile(file, 'PNG'),
          limitWrites: async ({ serial }) => void limited.push(serial),
          freezeDisks: async (files) => void frozen.push(files),
          transcript: () => console.lines.join('\n'),
          end: async () => over(),
        };
      },
    }),
  };
}
