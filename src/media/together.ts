/**
 * Waits for all of some work that runs at the same time, also when one part fails, so that nothing writes into a folder
 * that is being removed. Rejects with the first failure in the order given.
 */
export async function together<T extends readonly unknown[]>(
  work: readonly [...{ [K in keyof T]: Promise<T[K]> }],
) {
  await Promise.allSettled(work);
  return Promise.all(work);
}
