/** Progress on a terminal; the only place that knows listr2. */
import { Listr } from 'listr2';
import { type PipelineEvent, type Reporter, seconds } from './events.ts';
import type { TaskLabel } from './task.ts';

/** Milliseconds between two output lines shown: people cannot read faster, and terminals cannot draw faster. */
const THROTTLE_MS = 100;

/** What a row needs of listr's task wrapper. */
interface Wrapper {
  title: string;
  output: string;
  skip(message: string): void;
}

/**
 * Shows all tasks from the start and moves them on as events arrive. The list draws in its own order; a task that runs
 * beside an earlier one is drawn when its turn comes.
 */
export function terminalReporter(tasks: readonly TaskLabel[]): Reporter {
  const rows = new Map(tasks.map((task) => [task.name, createRow(task.title)]));
  const list = new Listr<undefined, 'default', 'simple'>(
    [...rows.values()].map((row) => ({ title: row.title, task: (_, wrapper) => row.draw(wrapper) })),
    {
      renderer: 'default',
      // Its own listener would end the process with 127 there and then, and leave temporaries behind.
      registerSignalListeners: false,
      // What went wrong is told once, by the caller.
      rendererOptions: { collapseErrors: false, showErrorMessage: false, collapseSkips: false },
    },
  );
  const drawn = list.run().then(
    () => {},
    () => {},
  );
  return {
    report: (event) => rows.get(event.task)?.take(event),
    async close() {
      for (const row of rows.values()) row.leave();
      await drawn;
    },
  };
}

/** One line of the list; what happens to it before the list gets there is remembered. */
function createRow(title: string) {
  const { promise: ended, resolve: end } = deferred<PipelineEvent | undefined>();
  let wrapper: Wrapper | undefined;
  let line = '';
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    timer = undefined;
    if (wrapper !== undefined && line !== '') wrapper.output = line;
  };
  return {
    title,
    take(event: PipelineEvent): void {
      if (event.event === 'done' || event.event === 'failed') end(event);
      if (event.event !== 'output') return;
      line = event.line;
      timer ??= setTimeout(flush, THROTTLE_MS);
    },
    /** The pipeline is over; a row that has not ended never will. */
    leave: () => end(undefined),
    async draw(given: Wrapper): Promise<void> {
      wrapper = given;
      flush();
      const last = await ended;
      clearTimeout(timer);
      wrapper = undefined;
      if (last?.event === 'failed') throw new Error(last.message);
      if (last?.event !== 'done') return given.skip(`${title} (not finished)`);
      given.title = `${title} (${[last.summary, seconds(last.durationMs)].filter(Boolean).join(', ')})`;
    },
  };
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
