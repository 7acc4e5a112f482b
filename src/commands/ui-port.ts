/** The port of the page that a command shows; apart from its options, which are read before anything is to be shown. */
import { requirePort } from '../lab/report/live-page.ts';
import type { UiOptions } from './ui-options.ts';

/** The port that is wanted, 0 for any; undefined when no page is. @throws {MissingError} when it is taken. */
export async function freeUiPort({ ui, uiPort }: UiOptions): Promise<number | undefined> {
  const port = uiPort ?? (ui === true ? 0 : undefined);
  if (port !== undefined) await requirePort(port);
  return port;
}
