/** Waits for somebody to save a file. */
import { existsSync, type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Editors save in several steps, and one save often comes with another. */
const SETTLE_MS = 250;

export interface Watched {
  /** Folders, watched with all that is in them. */
  readonly folders: readonly string[];
  readonly files: readonly string[];
}

/** Watches from its making on: what is saved while nobody waits counts for the next who does. */
export class Saves {
  readonly #watchers: readonly FSWatcher[];
  #saved = false;
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;

  constructor({ folders, files }: Watched) {
    this.#watchers = [
      ...folders.filter(existsSync).map((dir) => watch(dir, { recursive: true }, () => this.#touched())),
      // The folder, not the file: editors put a new file in the place of the old one.
      ...files.map((file) =>
        watch(dirname(file), (_, name) => {
          if (name === null || name === basename(file)) this.#touched();
        }),
      ),
    ];
    // A folder that is removed ends its watcher; saves of others still count.
    for (const watcher of this.#watchers) watcher.on('error', () => this.#touched());
  }

  /** Resolves once something was saved and nothing more came for a moment. @throws the signal's reason. */
  async next(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#saved) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    signal.throwIfAborted();
    this.#saved = false;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
  }

  #touched(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#saved = true;
      this.#wake?.();
    }, SETTLE_MS);
  }
}
