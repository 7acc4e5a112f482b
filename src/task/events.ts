import type { Problem } from '../errors/problem.ts';

/** What happens in a pipeline, in order. With `--json` each is one line on standard output. */
export type PipelineEvent =
  | { readonly event: 'started'; readonly task: string; readonly title: string }
  | { readonly event: 'output'; readonly task: string; readonly line: string }
  | { readonly event: 'done'; readonly task: string; readonly durationMs: number; readonly summary?: string }
  | {
      readonly event: 'failed';
      readonly task: string;
      readonly durationMs: number;
      readonly message: string;
      readonly log?: string;
      readonly problems?: readonly Problem[];
    };

export interface Reporter {
  report(event: PipelineEvent): void;
  /** Leaves the terminal as it was; nothing is reported afterwards. */
  close(): Promise<void>;
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
