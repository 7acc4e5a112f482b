/** Synchronous clean-up that must happen however this process ends, short of SIGKILL. */
const cleanups = new Set<() => void>();
let hooked = false;

/** Registers a synchronous clean-up; the returned function takes it back. */
export function atExit(cleanup: () => void): () => void {
  if (!hooked) {
    process.once('exit', runCleanups);
    hooked = true;
  }
  cleanups.add(cleanup);
  return () => {
    cleanups.delete(cleanup);
  };
}

/** Runs everything registered, newest first, each once. */
export function runCleanups(): void {
  for (const cleanup of [...cleanups].reverse()) {
    cleanups.delete(cleanup);
    try {
      cleanup();
    } catch {
      // The process is ending; the next clean-up still deserves its turn.
    }
  }
}
