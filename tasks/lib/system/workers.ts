/** Work on several processors. */

/** Workers that are worth starting: one for each processor, but disks serve no more than so many at once. */
export const WIDTH = Math.min(8, navigator.hardwareConcurrency);

/** Items in as many parts as there may be workers; each part is a run of neighbours. */
export function shares<T>(items: T[]): T[][] {
  const size = Math.ceil(items.length / WIDTH);
  return Array.from(
    { length: Math.ceil(items.length / size) },
    (_, i) => items.slice(i * size, (i + 1) * size),
  );
}

/** Sends a message to a worker that is not at another, and waits for its answer. */
export function ask<Answer>(worker: Worker, message: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage(message);
  });
}
