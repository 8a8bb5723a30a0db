/**
 * One way to let an AbortSignal end a wait that the runtime cannot cancel.
 *
 * @module
 */

/**
 * Settles as `wait` does, or rejects with the signal's reason once `signal`
 * aborts; then `onAbort` runs first, and what becomes of `wait` is ignored.
 */
export function abortable<T>(
  wait: Promise<T>,
  signal: AbortSignal | undefined,
  onAbort: () => void,
): Promise<T> {
  if (signal === undefined) return wait;
  return new Promise<T>((resolve, reject) => {
    const abort = () => {
      onAbort();
      reject(signal.reason);
    };
    if (signal.aborted) {
      wait.catch(() => {});
      abort();
      return;
    }
    signal.addEventListener("abort", abort, { once: true });
    wait.then(
      (value) => {
        signal.removeEventListener("abort", abort);
        resolve(value);
      },
      (error) => {
        signal.removeEventListener("abort", abort);
        reject(error);
      },
    );
  });
}
